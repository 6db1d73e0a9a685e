"""What a person reads when a command ends early."""

import pytest

from tokmeter.errors import ConfigError, StoreError, TokmeterError


def test_says_what_where_and_what_to_do() -> None:
    error = TokmeterError("the port is taken", where="127.0.0.1:80", hint="give another")

    assert error.lines() == ["error: the port is taken", "  at: 127.0.0.1:80", "  hint: give another"]
    assert str(error) == "the port is taken at 127.0.0.1:80 (give another)"


def test_leaves_out_what_is_not_known() -> None:
    assert TokmeterError("broken").lines() == ["error: broken"]
    assert str(TokmeterError("broken")) == "broken"


@pytest.mark.parametrize(("kind", "code"), [(TokmeterError, 1), (ConfigError, 2), (StoreError, 1)])
def test_exit_codes_tell_configuration_from_the_rest(kind: type[TokmeterError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, TokmeterError)
