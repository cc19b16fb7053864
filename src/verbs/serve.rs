//! `skjerm serve`: the dashboard.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use skjerm_dashboard::DashboardState;
use skjerm_warehouse::Installation;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::open;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port. Without a login (it does not exist yet), keep to this machine.
    #[arg(long, default_value_t = skjerm_dashboard::DEFAULT_ADDRESS, value_name = "ADDR")]
    listen: SocketAddr,
}

/// Where the address is said: it is the result of `serve`, and a remark of `demo`, whose result is printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announce {
    Result,
    Aside,
}

/// Serves until interrupted; says the address first.
pub(crate) async fn serve(
    format: Format,
    announce: Announce,
    installation: &Installation,
    listen: SocketAddr,
) -> Result<(), Failure> {
    let state = DashboardState::open(installation)?;
    let listener = skjerm_dashboard::bind(listen).await?;
    let local = listener
        .local_addr()
        .map_err(|error| Failure::fault(format!("the address is not known: {error}")))?;
    if !local.ip().is_loopback() {
        eprintln!(
            "warning: {local} can be reached by others, and the dashboard has no login yet; it shows published figures only"
        );
    }
    let address = format!("http://{local}");
    match (announce, format) {
        (Announce::Result, Format::Json) => output::print_json(&json!({"address": address}))?,
        (Announce::Result, Format::Table | Format::Csv) => {
            output::say_line(&format!("dashboard: {address} (stop with Ctrl-C)"));
        }
        (Announce::Aside, _) => eprintln!("dashboard: {address} (stop with Ctrl-C)"),
    }
    skjerm_dashboard::serve_on(state, listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}

pub(crate) async fn run(common: &Common, args: ServeArgs) -> Result<(), Failure> {
    serve(common.format, Announce::Result, &open::installation(common)?, args.listen).await
}
