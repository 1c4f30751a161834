"""The table of who may do what is complete, and it is a ladder."""

import pytest

from core.access import LEAST, Action, Role, User, may, require
from core.errors import Forbidden, NotLoggedIn


def user(role: Role) -> User:
    return User(id=None, name="someone", role=role)


def test_every_action_has_a_least_role() -> None:
    assert set(LEAST) == set(Action)


@pytest.mark.parametrize("action", Action)
def test_nobody_does_anything_without_logging_in(action: Action) -> None:
    assert not may(None, action)
    with pytest.raises(NotLoggedIn):
        require(None, action)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_the_roles_below_it_do(role: Role, action: Action) -> None:
    ladder = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    allowed = ladder.index(role) >= ladder.index(LEAST[action])
    assert may(user(role), action) is allowed
    if allowed:
        assert require(user(role), action) == user(role)
    else:
        with pytest.raises(Forbidden, match=f"role {LEAST[action]}; someone is {role}"):
            require(user(role), action)


def test_a_viewer_changes_nothing_but_their_own() -> None:
    assert {action for action in Action if may(user(Role.VIEWER), action)} == {
        Action.VIEW,
        Action.SEARCH,
        Action.LOG_IN,
        Action.LOG_OUT,
        Action.CHANGE_OWN_PASSWORD,
        Action.END_OWN_SESSIONS,
    }
