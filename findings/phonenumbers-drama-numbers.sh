#!/bin/bash
# phonenumbers: of the numbers that regulators keep free for films and manuals, some are valid and some are not.
#
# Package    phonenumberslite 9.0.42 from PyPI (libphonenumber's metadata of that version)
# Input      one number of each of a dozen ranges that Ofcom, ARCEP, ComReg, BNetzA, PTS, ACMA and NANPA reserve so that
#            nobody ever has them
# One would guess   one rule for all of them: none is valid, since none can be assigned; or all are, since all have the form
# Seen       for one regulator both happen. Ofcom's Leeds, 0808, 0909 and 0306 numbers are valid; its 01632 and 07700 900
#            numbers, those that every manual uses, are not: no region, type UNKNOWN. The landline of France is valid and
#            its mobile is not, nor is Ireland's; Germany, Sweden, Australia and the USA are all valid. All are possible.
#            So a form that asks for a valid number refuses the examples of its own manual, and a test with 0113 496 0
#            passes where the same test with 01632 960 fails.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check phonenumberslite==9.0.42
cat > "$here/try.py" <<'PYTHON'
import phonenumbers

FOUND = {
    "+441632960123": (False, "GB, no area"),
    "+447700900123": (False, "GB, mobile"),
    "+441134960123": (True, "GB, Leeds"),
    "+448081570123": (True, "GB, freephone"),
    "+449098790123": (True, "GB, premium rate"),
    "+443069990123": (True, "GB, UK-wide"),
    "+33199001234": (True, "FR, landline"),
    "+33639980123": (False, "FR, mobile"),
    "+353209101234": (False, "IE, landline"),
    "+493023125123": (True, "DE, Berlin"),
    "+491713920012": (True, "DE, mobile"),
    "+46701740605": (True, "SE, mobile"),
    "+61491570006": (True, "AU, mobile"),
    "+12025550123": (True, "US, 555-01xx"),
}
print("phonenumberslite", phonenumbers.__version__)
as_found = True
for text, (valid, what) in FOUND.items():
    number = phonenumbers.parse(text)
    now = phonenumbers.is_valid_number(number)
    region, kind = phonenumbers.region_code_for_number(number), phonenumbers.number_type(number)
    possible = phonenumbers.is_possible_number(number)
    print(f"{text:15} {what:17} possible {possible}, valid {now}, region {region}, type {phonenumbers.PhoneNumberType.to_string(kind)}")
    as_found = as_found and possible and now == valid
assert as_found, "another behaviour than was found"
print("as found")
PYTHON
"$here/venv/bin/python" "$here/try.py"
