"""The SIPp stories of `sipp_scenarios/`, run one by one against a whole service."""
