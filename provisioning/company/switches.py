"""What the partner lets users and administrators change themselves: the same for all customers (BEHAVIOUR P8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from provisioning.company import values
from provisioning.company.setting import Area, By, Setting
from provisioning.company.words import yes


@dataclass(frozen=True, slots=True)
class Switches:
    """The partner's switches, in the form in which they are edited."""

    users_notifications: Annotated[
        bool, Setting("Users manage their notifications", values.flag, yes, By.PARTNER)
    ] = True
    users_devices: Annotated[bool, Setting("Users manage their devices", values.flag, yes, By.PARTNER)] = (
        False
    )
    users_profile: Annotated[bool, Setting("Users manage their profile", values.flag, yes, By.PARTNER)] = True
    administrators_users: Annotated[
        bool, Setting("Administrators manage all users", values.flag, yes, By.PARTNER)
    ] = True
    administrators_numbers: Annotated[
        bool, Setting("Administrators manage all numbers", values.flag, yes, By.PARTNER)
    ] = True

    def least(self, setting: Setting) -> By:
        """The least that somebody must be to change it."""
        return next(by for by in By if by >= setting.by and self._let(by, setting.area))

    def _let(self, by: By, area: Area | None) -> bool:
        match by, area:
            case By.USER, Area.NOTIFICATIONS:
                return self.users_notifications
            case By.USER, Area.DEVICES:
                return self.users_devices
            case By.USER, Area.PROFILE:
                return self.users_profile
            case By.ADMINISTRATOR, Area.NUMBERS:
                return self.administrators_numbers
        return True
