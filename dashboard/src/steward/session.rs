//! The door to the steward's page: a token that is good for one login soon after the start, and the session behind it.
//!
//! There are no accounts. As with a notebook server, whoever reads what the program printed at its start is let in: that is
//! who started it. Of token and session only hashes are kept, and hashes are compared in constant time.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};

/// How long after the start the token opens the door.
const TOKEN_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// How long a session lasts.
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(8);
/// Wrong tokens are noted in the book at most this often: nobody shall fill it.
const NOTE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What opens the door, once. It is written in the link and nowhere else.
pub struct Token(String);

impl Token {
    /// The link to print.
    pub fn link(&self, address: SocketAddr) -> String {
        format!("http://{address}/steward/login?token={}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why the door stays shut. For the book: who knocks is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shut {
    Wrong,
    Used,
    Late,
}

impl Shut {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "the token was wrong",
            Self::Used => "the token was used before",
            Self::Late => "the token was too old",
        }
    }
}

/// What became of a knock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Knock<E> {
    /// In: the cookie to set.
    In(String),
    /// Not in.
    Shut(Shut),
    /// The token was right and the login failed; the token stays good.
    Failed(E),
}

pub(super) struct Door {
    /// Cookies of one machine are shared between its ports: every start has a name of its own.
    cookie: String,
    started: Timestamp,
    token: blake3::Hash,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: bool,
    session: Option<Session>,
    noted: Option<Timestamp>,
    unnoted: u32,
}

struct Session {
    secret: blake3::Hash,
    until: Timestamp,
}

impl Door {
    pub(super) fn new(started: Timestamp) -> Result<(Self, Token), getrandom::Error> {
        let token = secret()?;
        let cookie = format!("skjerm-steward-{}", &secret()?[..8]);
        let door = Self { cookie, started, token: blake3::hash(token.as_bytes()), state: Mutex::default() };
        Ok((door, Token(token)))
    }

    /// Opens to the right token, if `note` succeeds. The lock is held meanwhile, so that two knocks at once are not both
    /// let in.
    pub(super) fn knock<E>(
        &self,
        token: &str,
        now: Timestamp,
        note: impl FnOnce() -> Result<(), E>,
        no_random: impl FnOnce(getrandom::Error) -> E,
    ) -> Knock<E> {
        if blake3::hash(token.as_bytes()) != self.token {
            return Knock::Shut(Shut::Wrong);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.used {
            return Knock::Shut(Shut::Used);
        }
        if now.duration_since(self.started) > TOKEN_LASTS {
            return Knock::Shut(Shut::Late);
        }
        let secret = match secret() {
            Ok(secret) => secret,
            Err(error) => return Knock::Failed(no_random(error)),
        };
        if let Err(error) = note() {
            return Knock::Failed(error);
        }
        state.used = true;
        state.session = Some(Session { secret: blake3::hash(secret.as_bytes()), until: now + SESSION_LASTS });
        Knock::In(format!("{}={secret}; HttpOnly; SameSite=Strict; Path=/steward", self.cookie))
    }

    /// Until when who sends these headers is in.
    pub(super) fn session(&self, headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let session = state.session.as_ref().filter(|session| now < session.until)?;
        let shown = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        shown
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(name, value)| name == self.cookie && blake3::hash(value.as_bytes()) == session.secret)
            .then_some(session.until)
    }

    /// Whether to note a knock that failed: if so, how many others came since the last note.
    pub(super) fn to_note(&self, now: Timestamp) -> Option<u32> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.noted.is_some_and(|noted| now.duration_since(noted).abs() < NOTE_EVERY) {
            state.unnoted = state.unnoted.saturating_add(1);
            return None;
        }
        state.noted = Some(now);
        Some(std::mem::take(&mut state.unnoted))
    }
}

/// 256 random bits, in hexadecimal.
fn secret() -> Result<String, getrandom::Error> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    // A hash is no secret of its own: it is how bytes are written as text here.
    Ok(blake3::Hash::from_bytes(random).to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);

    fn start() -> Timestamp {
        "2026-06-01T08:00:00Z".parse().unwrap()
    }

    fn knock(door: &Door, token: &str, now: Timestamp) -> Knock<&'static str> {
        door.knock(token, now, || Ok(()), |_| "no random numbers")
    }

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_opens_once_and_soon() {
        let (door, token) = Door::new(start()).unwrap();
        assert_eq!(token.0.len(), 64);
        assert_eq!(knock(&door, "", start()), Knock::Shut(Shut::Wrong));
        assert_eq!(knock(&door, &token.0[1..], start()), Knock::Shut(Shut::Wrong));
        assert_eq!(knock(&door, &token.0, start() + MINUTE * 11), Knock::Shut(Shut::Late));
        let Knock::In(cookie) = knock(&door, &token.0, start() + MINUTE * 9) else { panic!("shut") };
        assert!(!cookie.contains(&token.0), "the session has a secret of its own");
        assert_eq!(knock(&door, &token.0, start() + MINUTE * 9), Knock::Shut(Shut::Used));
        let (_, other) = Door::new(start()).unwrap();
        assert_ne!(token.0, other.0);
        assert_eq!(format!("{token:?}"), "Token");
    }

    #[test]
    fn a_login_that_cannot_be_noted_lets_nobody_in_and_spoils_nothing() {
        let (door, token) = Door::new(start()).unwrap();
        let failed = door.knock(&token.0, start(), || Err("the book is locked"), |_| "no random numbers");
        assert_eq!(failed, Knock::Failed("the book is locked"));
        assert!(matches!(knock(&door, &token.0, start()), Knock::In(_)));
    }

    #[test]
    fn a_session_ends_after_eight_hours() {
        let (door, token) = Door::new(start()).unwrap();
        let Knock::In(cookie) = knock(&door, &token.0, start()) else { panic!("shut") };
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/steward");
        let until = start() + MINUTE * 480;
        for shown in [&[pair][..], &["a=b; c", &format!("x=y;{pair} ; z=")], &[&format!("a=b; {pair}")]] {
            assert_eq!(door.session(&headers(shown), start() + MINUTE * 479), Some(until), "{shown:?}");
            assert_eq!(door.session(&headers(shown), until), None);
        }
        let (name, secret) = pair.split_once('=').unwrap();
        for shown in
            ["", "a=b", &format!("{name}="), &format!("{name}={}", &secret[1..]), &format!("x={secret}")]
        {
            assert_eq!(door.session(&headers(&[shown]), start()), None, "{shown}");
        }
        assert_eq!(door.session(&HeaderMap::new(), start()), None);
    }

    #[test]
    fn failed_knocks_are_noted_once_a_minute_with_their_number() {
        let (door, _) = Door::new(start()).unwrap();
        assert_eq!(door.to_note(start()), Some(0));
        for _ in 0..1_000 {
            assert_eq!(door.to_note(start() + MINUTE / 2), None);
        }
        assert_eq!(door.to_note(start() + MINUTE), Some(1_000));
    }

    #[test]
    fn the_link_names_the_address() {
        let (_, token) = Door::new(start()).unwrap();
        let link = token.link("127.0.0.1:8023".parse().unwrap());
        assert_eq!(link, format!("http://127.0.0.1:8023/steward/login?token={}", token.0));
    }
}
