//! Limits, requests and answers that make no sense, before anything is written.

use std::collections::BTreeSet;

use skjerm_privacy::Delta;

use crate::{Block, BlockLimit, LedgerError, Request};

pub(crate) fn limit(limit: &BlockLimit) -> Result<(), LedgerError> {
    let block = &limit.block;
    if block.family.is_empty() || block.name.is_empty() {
        return Err(LedgerError::Invalid(
            "a budget's block needs a family and a name: check the policy".into(),
        ));
    }
    if limit.delta.is_zero() || limit.delta >= Delta::ONE {
        return Err(LedgerError::Invalid(format!(
            "the budget of {block} has δ {}: it must lie between 0 and 1; check the policy",
            limit.delta
        )));
    }
    if limit.limit.delta >= limit.delta {
        return Err(LedgerError::Invalid(format!(
            "thresholds may use up δ {} of {block}, but its ε is shown at δ {}: something must be left; check the policy",
            limit.limit.delta, limit.delta
        )));
    }
    for (which, accounts) in [("share", &limit.shares), ("analyst", &limit.analysts)] {
        if let Some((name, account)) = accounts.iter().find(|(_, account)| !account.fits_in(limit.limit)) {
            return Err(LedgerError::Invalid(format!(
                "the {which} `{name}` of {block} is ρ {} and δ {}, more than the block's ρ {} and δ {}: check the policy",
                account.rho, account.delta, limit.limit.rho, limit.limit.delta
            )));
        }
    }
    Ok(())
}

pub(crate) fn request(request: &Request) -> Result<(), LedgerError> {
    let invalid = |what: &str| Err(LedgerError::Invalid(format!("a request to the ledger {what}")));
    if request.key.is_empty() {
        return invalid("has no key: the same question could not be recognised");
    }
    if request.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 200) {
        return invalid("has an id that is empty or longer than 200 characters");
    }
    if request.charges.is_empty() {
        return invalid("charges no block: an answer from protected data is never free");
    }
    if request.charges.iter().any(|(_, price)| price.rho.is_zero()) {
        return invalid("has a price of 0: an answer from protected data is never free");
    }
    let blocks: BTreeSet<&Block> = request.charges.iter().map(|(block, _)| block).collect();
    if blocks.len() != request.charges.len() {
        return invalid("names a block twice: add its prices up first");
    }
    Ok(())
}

pub(crate) fn answer(body: &str) -> Result<(), LedgerError> {
    serde_json::from_str::<serde::de::IgnoredAny>(body)
        .map(drop)
        .map_err(|error| LedgerError::Invalid(format!("an answer to be stored is not JSON: {error}")))
}
