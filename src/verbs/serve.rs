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
    #[arg(long, default_value = "127.0.0.1:8023", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
}

/// Serves until interrupted; says the address first.
pub(crate) async fn serve(
    format: Format,
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
    match format {
        Format::Json => output::print_json(&json!({"address": address}))?,
        Format::Table | Format::Csv => println!("dashboard: {address} (stop with Ctrl-C)"),
    }
    skjerm_dashboard::serve_on(state, listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    Ok(())
}

pub(crate) async fn run(common: &Common, args: ServeArgs) -> Result<(), Failure> {
    serve(common.format, &open::installation(common)?, args.listen).await
}
