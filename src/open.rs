//! Opening the parts of an installation.

use std::sync::Arc;

use skjerm_warehouse::policy::Policy;
use skjerm_warehouse::{Installation, Warehouse};

use crate::args::Common;
use crate::failure::Failure;

pub(crate) fn installation(common: &Common) -> Result<Installation, Failure> {
    Ok(Installation::open(&common.dir)?)
}

pub(crate) fn policy(installation: &Installation) -> Result<Arc<Policy>, Failure> {
    Ok(Arc::new(Policy::load(&installation.policy_path())?))
}

pub(crate) fn warehouse(installation: &Installation, policy: &Arc<Policy>) -> Result<Warehouse, Failure> {
    Ok(Warehouse::open(installation, Arc::clone(policy))?)
}
