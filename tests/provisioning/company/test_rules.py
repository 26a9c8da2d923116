from __future__ import annotations

import pytest

from b2bua.callplan.codes import Codes
from provisioning.company.rules import Elsewhere, check, in_file, trunks_in_file
from provisioning.company.sentences import sentence
from provisioning.file.company_file import parse_company_file
from provisioning.file.refusal import CompanyFileError
from tests.provisioning.companies import customer, user

NUMBERS = 'numbers = ["+441632960100", "+441632960101", "+441632960102"]'


def refused(text: str) -> str:
    with pytest.raises(CompanyFileError) as error:
        parse_company_file(text, "f")
    return str(error.value)


def treated(occasion: str, keys: str, name: str = "anna") -> str:
    """Two users, the first with this treatment."""
    first = user(name, 'numbers = ["+441632960101"]', f"[customers.users.{occasion}]\n{keys}")
    return customer(first, user("bert"), keys=NUMBERS)


@pytest.mark.behaviour("P2")
def test_a_number_belongs_to_one_customer_and_is_given_once() -> None:
    twice = customer(name="Acme Ltd") + customer(name="Beta Ltd")
    assert refused(twice).startswith('f:6: numbers: "+441632960100" is given twice')
    assert "is given twice" in refused(customer(keys='numbers = ["+441632960100", "+44 1632 960100"]'))


@pytest.mark.behaviour("P2")
def test_a_user_has_numbers_of_the_customer_that_nobody_else_has() -> None:
    other = user("anna", 'numbers = ["+441632960999"]')
    assert '"+441632960999" is not among the numbers of Acme Ltd' in refused(customer(other))
    number = 'numbers = ["+441632960100"]'
    assert "a number belongs to at most one user" in refused(
        customer(user("anna", number), user("bert", number))
    )


@pytest.mark.behaviour("P2")
def test_an_extension_is_unique_in_the_customer_only() -> None:
    one, two = user("anna", 'extension = "201"'), user("bert", 'extension = "201"')
    assert 'extension: "201" is the extension of two users' in refused(customer(one, two))
    parse_company_file(customer(one) + customer(one, name="Beta Ltd", keys=""))


def test_an_email_is_unique_in_the_customer_however_it_is_written() -> None:
    assert "e-mail of two users" in refused(customer(user("anna"), user("ANNA")))


def test_customers_and_trunks_have_names_of_their_own() -> None:
    assert "name of two customers" in refused(customer(keys="") + customer(name="ACME Ltd", keys=""))
    trunk = '[[trunks]]\nname = "{}"\nhost = "192.0.2.1"\n'
    assert "name of two trunks" in refused(trunk.format("one") + trunk.format("One"))


@pytest.mark.behaviour("P3", "H1")
@pytest.mark.parametrize(
    ("one", "two"),
    [
        ('soft_clients = [{ username = "phone" }]', 'soft_clients = [{ username = "Phone" }]'),
        ('desk_phones = [{ mac = "00:15:65:aa:bb:cc" }]', 'desk_phones = [{ mac = "0015.65AA.BBCC" }]'),
        ('desk_phones = [{ mac = "00:15:65:aa:bb:cc" }]', 'soft_clients = [{ username = "001565aabbcc" }]'),
    ],
)
def test_usernames_and_macs_are_unique_on_the_platform(one: str, two: str) -> None:
    assert "is given to two devices" in refused(customer(user("anna", one), user("bert", two)))
    assert "is given to two devices" in refused(
        customer(user("anna", one), keys="") + customer(user("bert", two), name="Beta Ltd", keys="")
    )


@pytest.mark.behaviour("P4")
def test_a_hardware_only_customer_has_no_soft_clients() -> None:
    text = customer(user("anna", 'soft_clients = [{ username = "anna" }]'), keys="hardware_only = true")
    assert "soft_clients: Acme Ltd is hardware-only" in refused(text)
    parse_company_file(
        customer(user("anna", 'desk_phones = [{ mac = "001565aabbcc" }]'), keys="hardware_only = true")
    )


def test_the_default_number_is_an_own_one() -> None:
    text = customer(user("anna", 'default_number = "+441632960100"'))
    assert "default_number: " in refused(text)


@pytest.mark.behaviour("I3")
def test_the_presentation_number_is_one_of_the_customers_and_no_expensive_one() -> None:
    parse_company_file(customer(user("anna", 'presentation_number = "+441632960100"')))
    assert "is not among the numbers" in refused(
        customer(user("anna", 'presentation_number = "+441632960101"'))
    )
    text = customer(user("anna", 'presentation_number = "+448450000000"'), keys='numbers = ["+448450000000"]')
    assert "may not be presented" in refused(text)


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize("occasion", ["not_answered", "busy", "out_of_hours"])
def test_nobody_redirects_to_oneself(occasion: str) -> None:
    assert "oneself" in refused(treated(occasion, 'action = "user"\nuser = "Anna@acme.example"'))
    assert "oneself" in refused(treated(occasion, 'action = "number"\nnumber = "+441632960101"'))


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize("occasion", ["not_answered", "busy", "out_of_hours"])
def test_nobody_redirects_to_emergency_numbers_or_barred_classes(occasion: str) -> None:
    assert "emergency" in refused(treated(occasion, 'action = "number"\nnumber = "999"'))
    assert '"international"' in refused(treated(occasion, 'action = "number"\nnumber = "+12125550100"'))
    assert '"premium"' in refused(treated(occasion, 'action = "number"\nnumber = "+449098790000"'))
    parse_company_file(treated(occasion, 'action = "number"\nnumber = "+447700900123"'))


@pytest.mark.behaviour("D8", "E1")
def test_the_platforms_own_emergency_numbers_are_targets_and_extensions_of_nobody() -> None:
    codes = Codes(frozenset({"999", "555"}))
    for text in (
        customer(user("anna", 'extension = "555"')),
        customer(user("anna", 'permanent_redirect = "+44555"')),
        treated("busy", 'action = "number"\nnumber = "555"'),
    ):
        with pytest.raises(CompanyFileError, match="is an emergency number"):
            parse_company_file(text, "f", codes)
    parse_company_file(customer(user("anna", 'extension = "555"')))


@pytest.mark.behaviour("P2", "W1")
def test_an_access_code_of_the_voice_portal_is_nobodys_extension() -> None:
    codes = Codes(access=frozenset({"121", "*86"}))
    with pytest.raises(CompanyFileError, match='extension: "121" is the access code of the voice portal'):
        parse_company_file(customer(user("anna", 'extension = "121"')), "f", codes)
    parse_company_file(customer(user("anna", 'extension = "121"')))
    with pytest.raises(CompanyFileError, match="access code"):
        parse_company_file(customer(user("anna", 'extension = "1571"')))


@pytest.mark.behaviour("D8", "I6")
def test_who_may_not_call_each_other_do_not_redirect_to_each_other_either() -> None:
    keys = 'allowed_classes = ["national"]'
    redirect = '[customers.users.busy]\naction = "user"\nuser = "bert@acme.example"'
    assert "may not call each other" in refused(
        customer(user("anna", tables=redirect), user("bert"), keys=keys)
    )


@pytest.mark.behaviour("E2")
def test_a_customers_emergency_number_is_its_own() -> None:
    assert '"+441632960777" is not among the numbers of Acme Ltd' in refused(
        customer(keys='numbers = ["+441632960100"]\nemergency_number = "+441632960777"')
    )


@pytest.mark.behaviour("A2")
@pytest.mark.parametrize("code", ["399", "700", '"433"'])
def test_the_code_for_anonymous_calls_is_a_refusal(code: str) -> None:
    trunk = f'[[trunks]]\nname = "a"\nhost = "192.0.2.1"\nanonymous_code = {code}\n'
    assert "must be a whole number from 400 to 699" in refused(trunk)


def test_a_code_is_the_carriers_word_or_the_called_persons() -> None:
    trunk = '[[trunks]]\nname = "a"\nhost = "192.0.2.1"\nnext_trunk_codes = [404, 403]\nfinal_codes = [503, 404]\n'
    assert "final_codes: 404 is among next_trunk_codes too" in refused(trunk)
    assert "must be a whole number from 300 to 699, not 200" in refused(trunk.replace("403", "200"))
    assert "must be one of" in refused(trunk + 'caller_from = "contact"\n')


@pytest.mark.behaviour("D8")
def test_a_permanent_redirect_is_judged_like_any_other() -> None:
    for target, why in (
        ("+441632960100", "oneself"),
        ("112", "emergency"),
        ("+12125550100", "international"),
    ):
        keys = f'numbers = ["+441632960100"]\npermanent_redirect = "{target}"'
        assert why in refused(customer(user("anna", keys)))


def test_a_number_of_the_customer_is_an_internal_destination() -> None:
    keys = NUMBERS + '\nallowed_classes = ["internal"]'
    target = '[customers.users.busy]\naction = "number"\nnumber = "{}"'
    parse_company_file(customer(user("anna", tables=target.format("+441632960102")), keys=keys))
    assert '"national"' in refused(customer(user("anna", tables=target.format("+441632960777")), keys=keys))


@pytest.mark.parametrize(
    ("occasion", "keys", "why"),
    [
        ("not_answered", 'action = "user"', 'user: is missing: action = "user" needs it'),
        ("busy", 'action = "number"', 'number: is missing: action = "number" needs it'),
        ("busy", 'action = "voicemail"\nuser = "bert@acme.example"', 'goes with action = "user" only'),
        ("not_answered", 'number = "+441632960777"', 'the action is "keep-ringing"'),
        ("busy", "after = 5", "must be 0 or left out"),
        ("not_answered", 'action = "voicemail"\nalways = true', 'goes with action = "number" only'),
        ("busy", 'action = "user"\nuser = "bert@acme.example"\nannounce = true', "announce: goes with"),
        ("out_of_hours", "present_dialled_number = true", "present_dialled_number: goes with"),
        ("out_of_hours", 'action = "keep-ringing"', 'must be one of "voicemail", "user", "number"'),
        ("not_answered", 'action = "engaged-tone"', "must be one of"),
    ],
)
def test_options_go_with_their_action(occasion: str, keys: str, why: str) -> None:
    assert why in refused(treated(occasion, keys))


def test_trunks_are_told_apart_by_where_calls_come_from_and_register_with_a_name() -> None:
    trunk = '[[trunks]]\nname = "{}"\nhost = "192.0.2.1"\n{}\n'
    sources = 'allow_from = ["192.0.2.0/24"]'
    assert "calls from there belong to one trunk" in refused(
        trunk.format("a", sources) + trunk.format("b", sources)
    )
    assert "needs a username" in refused(trunk.format("a", "register = true"))
    assert "needs a username" in refused(trunk.format("a", 'password = "x"'))


@pytest.mark.parametrize(
    "device", ['soft_clients = [{ username = "Ringplan" }]', 'desk_phones = [{ mac = "001565aabbcc" }]']
)
def test_a_trunk_may_not_have_the_username_of_a_device(device: str) -> None:
    trunk = '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\nusername = "{}"\n'
    name = "RINGPLAN" if "soft" in device else "001565AABBCC"
    assert f'"{name}" is the username of a device' in refused(
        customer(user("anna", device)) + trunk.format(name)
    )
    parse_company_file(customer(user("anna", device)) + trunk.format("another"))
    two = trunk.format("shared") + trunk.format("shared").replace("carrier", "other")
    parse_company_file(two)


@pytest.mark.behaviour("P1", "P3")
def test_a_conflict_with_the_rest_of_the_platform_names_nobody() -> None:
    file = parse_company_file(
        customer(
            user("anna", 'soft_clients = [{ username = "Anna" }]\ndesk_phones = [{ mac = "001565aabbcc" }]')
        )
        + '[[trunks]]\nname = "carrier"\nhost = "192.0.2.1"\nallow_from = ["192.0.2.1"]\n'
    )
    taken = Elsewhere(
        frozenset({"+441632960100"}), frozenset({"anna", "001565aabbcc"}), frozenset({"192.0.2.1"})
    )
    told = [
        (problem.place, sentence(problem))
        for problem in check(in_file(file.customers), trunks_in_file(file.trunks), taken)
    ]
    who = ("customers", 0, "users", 0)
    assert told == [
        (
            ("customers", 0, "numbers", 0),
            '"+441632960100" is already in use on this platform; choose another',
        ),
        ((*who, "soft_clients", 0, "username"), '"anna" is already in use on this platform; choose another'),
        (
            (*who, "desk_phones", 0, "mac"),
            '"001565aabbcc" is already in use on this platform; choose another',
        ),
        (("trunks", 0, "allow_from", 0), '"192.0.2.1" belongs to another trunk already'),
    ]


@pytest.mark.behaviour("P1")
def test_a_redirect_to_a_user_stays_inside_the_customer() -> None:
    redirect = '[customers.users.busy]\naction = "user"\nuser = "bert@acme.example"'
    file = parse_company_file(
        customer(user("anna", tables=redirect), keys="") + customer(user("bert"), name="Beta Ltd", keys="")
    )
    assert check(in_file(file.customers), (), None) == []
    (problem,) = check(in_file(file.customers), (), Elsewhere())
    assert "is no user of Acme Ltd; a redirect to a user stays inside the customer" in sentence(problem)
    assert "Beta" not in sentence(problem)
