//! `widerspruch serve`.

use crate::app;
use crate::cli::CliError;
use crate::config::Config;

/// Serves until told to stop.
pub fn run(config: &Config) -> Result<(), CliError> {
    actix_web::rt::System::new().block_on(async {
        let app = app::build(config)?;
        println!("Widerspruch is at {}", app.public_url());
        if let Some(address) = app.state().metrics_address {
            println!("Metrics are at http://{address}/metrics");
        }
        if let Some(link) = app.setup_link() {
            println!("There is no account yet. Set one up here (this link works once):\n{link}");
        }
        app.run().await?;
        Ok(())
    })
}
