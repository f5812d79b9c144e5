//! Consents that a file brings, on the command line: which columns hold them, and what proves them.

use clap::Args;

use super::columns;
use crate::cli::CliError;
use crate::domain::time::Timestamp;
use crate::import::evidence::{ConsentEvidence, Part};
use crate::import::{Column, ColumnMapping};

#[derive(Debug, Args)]
#[command(next_help_heading = "Consents to personal tracking")]
pub struct ConsentOptions {
    /// Column that says who has consented: its name, or its number from 1
    #[arg(long = "consent-column", value_name = "COLUMN")]
    column: Option<String>,
    /// Column with the day of each consent; --consent-day holds where a cell is empty
    #[arg(long = "consent-day-column", value_name = "COLUMN")]
    day_column: Option<String>,
    /// Everybody in the file has consented, but for those of whom --consent-column says no
    #[arg(long = "consent-everybody")]
    everybody: bool,
    /// To what they consented, word for word
    #[arg(long = "consent-wording", value_name = "TEXT")]
    wording: Option<String>,
    /// How the consents came, such as "customer portal, box ticked with the order"
    #[arg(long = "consent-how", value_name = "TEXT")]
    how: Option<String>,
    /// On which day, such as 2026-11-24 or 24.11.2026
    #[arg(long = "consent-day", value_name = "DAY")]
    day: Option<String>,
}

impl ConsentOptions {
    /// Marks the columns that were named, and gives what proves the consents; nothing where the
    /// file brings none. The rules are those of the browser's form.
    pub fn apply(
        &self,
        mapping: &mut ColumnMapping,
        header: Option<&[String]>,
    ) -> Result<Option<ConsentEvidence>, CliError> {
        for (option, wanted, meaning) in [
            ("--consent-column", &self.column, Column::Consent),
            ("--consent-day-column", &self.day_column, Column::ConsentDay),
        ] {
            let Some(wanted) = wanted else { continue };
            let column = columns::named(option, wanted, header, mapping)?;
            if matches!(column, Column::Address | Column::Consent) {
                let problem = format!(
                    "{option}: the column {wanted:?} is used already, as „{}“",
                    column.label()
                );
                return Err(CliError::Usage(problem));
            }
            *column = meaning;
        }
        let typed = |option: &Option<String>| option.clone().unwrap_or_default();
        let evidence = ConsentEvidence::new(
            self.everybody,
            &typed(&self.wording),
            &typed(&self.how),
            &typed(&self.day),
        );
        if self.column.is_none() && !self.everybody {
            if self.day_column.is_none() && evidence.is_empty() {
                return Ok(None);
            }
            return Err(CliError::Usage(
                "Who has consented? Give --consent-column or --consent-everybody.".to_owned(),
            ));
        }
        let problems = evidence.problems(Timestamp::now());
        if problems.is_empty() {
            return Ok(Some(evidence));
        }
        let lines: Vec<String> = problems
            .into_iter()
            .map(|(part, problem)| format!("{}: {problem}", option_of(part)))
            .collect();
        Err(CliError::Usage(lines.join("\n")))
    }
}

const fn option_of(part: Part) -> &'static str {
    match part {
        Part::Wording => "--consent-wording",
        Part::How => "--consent-how",
        Part::Day => "--consent-day",
    }
}
