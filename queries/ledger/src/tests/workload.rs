//! What clients do in the tests that end their work by force, and what they say of it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::common_processes::{Dice, request};
use crate::{Begin, Block, EventKind, Ledger, Request};

/// Who asks.
pub(super) const WHO: &str = "analyst";

pub(super) fn block() -> Block {
    Block::new("crash", "2023")
}

pub(super) fn wish(question: &str, price: u64, id: Option<&str>) -> Request {
    Request { id: id.map(ToOwned::to_owned), ..request(&block(), question, price) }
}

/// What a client says that it does or has done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Step {
    /// What comes first is done: the book was begun, or taken into use again.
    Ready,
    /// About to ask: whether it was charged is not known before the next step.
    Asks {
        id: String,
        question: String,
        price: u64,
    },
    Charged {
        charge: u64,
        question: String,
        price: u64,
    },
    /// Of the client's own charge, if it made one.
    Answered {
        charge: Option<u64>,
        question: String,
        text: String,
    },
    Abandoned {
        charge: u64,
    },
    Recorded {
        entry: u64,
    },
}

/// One request from start to end, each step told as soon as it is done; false if nobody listens any more.
/// `name` is new every time.
pub(super) fn work(ledger: &Ledger, name: &str, dice: &mut Dice, tell: &dyn Fn(&Step) -> bool) -> bool {
    if dice.below(8) == 0 {
        let entry = ledger.record("steward", EventKind::Login, &json!({"what": name})).unwrap();
        return tell(&Step::Recorded { entry });
    }
    // Some questions are asked by several threads, and again after the end.
    let question = if dice.below(3) == 0 { format!("common {}", dice.below(40)) } else { name.to_owned() };
    let price = 1 + dice.below(1_000);
    let id = (dice.below(2) == 0).then(|| name.to_owned());
    if let Some(id) = id.clone()
        && !tell(&Step::Asks { id, question: question.clone(), price })
    {
        return false;
    }
    let reservation = match ledger.begin(&wish(&question, price, id.as_deref())).unwrap() {
        Begin::Reserved(reservation) => reservation,
        Begin::Stored(answer) => {
            return tell(&Step::Answered { charge: None, question, text: answer.body });
        }
        Begin::Running(_) => return true,
        Begin::Failed(_) => panic!("a new request was taken for an earlier one"),
    };
    let charge = reservation.id();
    if !tell(&Step::Charged { charge, question: question.clone(), price }) {
        return false;
    }
    match dice.below(8) {
        0 => {
            ledger.abandon(reservation, "given up").unwrap();
            tell(&Step::Abandoned { charge })
        }
        1 => true,
        _ => {
            // Some answers are longer than a page of the file.
            let length = if dice.below(16) == 0 { 1 + dice.place(1_000) } else { 1 };
            let text = json!(vec![name; length]).to_string();
            let answer = ledger.settle(reservation, &text).unwrap();
            tell(&Step::Answered { charge: Some(charge), question, text: answer.body })
        }
    }
}
