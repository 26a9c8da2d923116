"""Company files for tests: one with every key, and small ones to change."""

from __future__ import annotations

EVERY_KEY = """\
blocked_numbers = ["+441632960888"]

[[customers]]
name = "Acme Ltd"
country = "GB"
timezone = "Europe/London"
numbers = ["+441632960100", "+441632960101", "+441632960102"]
hardware_only = false
suspended = false
allowed_classes = ["internal", "national", "mobile"]
users_override = false
emergency_number = "+441632960100"

  [[customers.users]]
  name = "Reception"
  email = "reception@acme.example"      # identifies the user in the file
  extension = "201"
  numbers = ["+441632960101"]
  default_number = "+441632960101"
  presentation_number = "+441632960100"
  timezone = "Europe/Paris"
  suspended = false
  voice_portal_pin = "402917"
  reject_anonymous = false
  withhold_number = false
  permanent_redirect = "+441632960555"
  max_calls = 1
  notify = { missed_call = true, voicemail = true }
  soft_clients = [{ username = "reception", password = "one password", nat = "always" }]
  desk_phones = [{ mac = "00:15:65:aa:bb:cc", vendor = "yealink", nat = "never" }]

    [customers.users.not_answered]
    action = "number"
    after = 15
    number = "+441632960777"
    announce = true
    present_dialled_number = true
    always = false

    [customers.users.busy]
    action = "user"
    user = "workshop@acme.example"
    after = 5

    [customers.users.out_of_hours]
    enabled = false
    action = "voicemail"
    monday = ["12:30-13:30", "17:30-08:30"]
    saturday = "unavailable"
    sunday = "unavailable"

  [[customers.users]]
  name = "Workshop"
  email = "workshop@acme.example"
  extension = "202"
  soft_clients = [{ username = "workshop" }]

[[trunks]]
name = "carrier"
host = "127.0.0.1:5080"
transport = "udp"
order = 1
register = false
username = "ringplan"
password = "another password"
allow_from = ["127.0.0.1:5080"]
country = "DE"
number_format = "e164"
identity = "screened"
answer_first = false
early_media = true
trusted = true
anonymous_code = 603
caller_from = "asserted"
next_trunk_codes = [404, 480]
final_codes = [503]
nat = "never"
"""


def customer(*users: str, name: str = "Acme Ltd", keys: str = 'numbers = ["+441632960100"]') -> str:
    """A customer with these users, as a company file."""
    return "\n".join([f'[[customers]]\nname = "{name}"\n{keys}', *users]) + "\n"


def user(name: str, keys: str = "", tables: str = "") -> str:
    """A user whose e-mail is `name@acme.example`; `tables` are written after the keys."""
    head = f'[[customers.users]]\nname = "{name.title()}"\nemail = "{name}@acme.example"'
    return "\n".join([head, keys, tables])
