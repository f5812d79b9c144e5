//! How the domain's words are read from a text column; writing uses their `as_str`.

use diesel::Queryable;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::sql_types::{SingleValue, Text};

use super::models::consents::ConsentKind;
use super::models::deliveries::DeliveryStatus;
use super::models::imports::ImportStatus;
use super::models::job_queue::{Failure, Task};
use super::models::jobs::{JobKind, JobStatus};
use super::models::journal::JournalKind;
use super::models::mailings::MailingStatus;
use super::models::objections::Remembered;
use super::models::receipts::{Cleanup, ReceiptKind};
use super::models::webhook_deliveries::TellingStatus;
use crate::domain::bounce::{BounceKind, BounceReason};
use crate::domain::server::Encryption;
use crate::domain::signature::SignatureAlgorithm;
use crate::domain::tracking::{
    Decision, RecipientStatus, RecipientTracking, TrackingMode, TrackingSource,
};

macro_rules! read_from_text {
    ($($word:ty),+ $(,)?) => {$(
        impl<DB: Backend> FromSql<Text, DB> for $word
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let word = <String as FromSql<Text, DB>>::from_sql(bytes)?;
                word.parse().map_err(|_| format!("unknown word in {}", stringify!($word)).into())
            }
        }

        impl<ST: SingleValue, DB: Backend> Queryable<ST, DB> for $word
        where
            Self: FromSql<ST, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
    )+};
}

read_from_text!(
    BounceKind,
    BounceReason,
    Cleanup,
    ConsentKind,
    Decision,
    DeliveryStatus,
    Encryption,
    Failure,
    JobKind,
    JobStatus,
    ImportStatus,
    JournalKind,
    MailingStatus,
    ReceiptKind,
    RecipientStatus,
    RecipientTracking,
    Remembered,
    SignatureAlgorithm,
    Task,
    TellingStatus,
    TrackingMode,
    TrackingSource,
);
