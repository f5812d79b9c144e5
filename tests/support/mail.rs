//! Mailings and deliveries made directly, for tests that are about what comes after sending.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use widerspruch::db::schema::{deliveries, mailing_links, mailings};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::secret::{Random128, random_128};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::{HitKind, TrackingToken};

use super::World;

impl World {
    /// A recipient who has said nothing.
    pub fn make_recipient(&self, address: &str) -> i64 {
        let address = EmailAddress::parse(address).expect("an address");
        let fields = serde_json::Map::new();
        let new = widerspruch::db::models::recipients::NewRecipient {
            address: &address,
            first_name: "",
            last_name: "",
            fields: &fields,
            tracking: None,
            unsubscribed: None,
        };
        self.write(|conn| {
            widerspruch::db::models::recipients::create(
                conn,
                self.account_id,
                &new,
                Timestamp::now(),
            )
        })
    }

    /// A mailing that counts as sent, with links 1 to `links`.
    pub fn make_sent_mailing(&self, subject: &str, links: i64) -> i64 {
        self.write(|conn| {
            let id: i64 = diesel::insert_into(mailings::table)
                .values((
                    mailings::account_id.eq(self.account_id),
                    mailings::subject.eq(subject),
                    mailings::sender_name.eq("Muster GmbH"),
                    mailings::sender_address.eq("news@example.org"),
                    mailings::html.eq("<p>Guten Tag</p>"),
                    mailings::text.eq(""),
                    mailings::status.eq("sent"),
                    mailings::created_at.eq(0),
                    mailings::updated_at.eq(0),
                    mailings::send_started_at.eq(Timestamp::now().millis()),
                ))
                .returning(mailings::id)
                .get_result(conn)?;
            for number in 1..=links {
                diesel::insert_into(mailing_links::table)
                    .values((
                        mailing_links::account_id.eq(self.account_id),
                        mailing_links::mailing_id.eq(id),
                        mailing_links::number.eq(number),
                        mailing_links::url.eq(format!("https://shop.example/{number}?a=1&b=2#c")),
                    ))
                    .execute(conn)?;
            }
            Ok(id)
        })
    }

    /// Puts other HTML into a mailing than [`Self::make_sent_mailing`] did.
    pub fn write_html(&self, mailing_id: i64, html: &str) {
        self.write(|conn| {
            diesel::update(mailings::table.find(mailing_id))
                .set(mailings::html.eq(html))
                .execute(conn)?;
            Ok(())
        });
    }

    /// A delivery that was handed over with that decision; gives its token key, if it has one.
    pub fn deliver(
        &self,
        mailing_id: i64,
        recipient_id: i64,
        policy: Decision,
    ) -> Option<Random128> {
        let key = (policy == Decision::Personal).then(|| random_128().expect("random bits"));
        self.write(|conn| {
            sql_query(
                "INSERT INTO deliveries (account_id, mailing_id, recipient_id, token_key, policy, status, handed_at)
                 VALUES ($1, $2, $3, $4, $5, 'handed', $6)",
            )
            .bind::<BigInt, _>(self.account_id)
            .bind::<BigInt, _>(mailing_id)
            .bind::<BigInt, _>(recipient_id)
            .bind::<Nullable<Binary>, _>(key.as_ref().map(|key| &key[..]))
            .bind::<Text, _>(policy.as_str())
            .bind::<BigInt, _>(Timestamp::now().millis())
            .execute(conn)?;
            diesel::update(mailings::table.find(mailing_id))
                .set((
                    mailings::deliveries.eq(mailings::deliveries + 1),
                    mailings::handed.eq(mailings::handed + 1),
                    mailings::handed_personal.eq(mailings::handed_personal + i64::from(key.is_some())),
                    mailings::handed_anonymous
                        .eq(mailings::handed_anonymous + i64::from(policy == Decision::Anonymous)),
                ))
                .execute(conn)?;
            Ok(())
        });
        key
    }

    /// The address of the pixel in that mail.
    pub fn pixel(&self, mailing_id: i64, key: Option<Random128>) -> String {
        let token = TrackingToken {
            mailing_id,
            key,
            link: 0,
        };
        format!(
            "/o/{}.gif",
            self.state.tokens.tracking(HitKind::Open, token)
        )
    }

    /// The address of a link in that mail.
    pub fn click(&self, mailing_id: i64, key: Option<Random128>, link: u16) -> String {
        let token = TrackingToken {
            mailing_id,
            key,
            link,
        };
        format!("/k/{}", self.state.tokens.tracking(HitKind::Click, token))
    }

    /// How many rows a table has that meet a condition.
    pub fn rows(&self, table: &str, condition: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Counted {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        self.read(|conn| {
            let counted: Counted = sql_query(format!(
                "SELECT COUNT(*) AS n FROM {table} WHERE {condition}"
            ))
            .get_result(conn)?;
            Ok(counted.n)
        })
    }

    /// The sum of a column over the rows of a table that meet a condition.
    pub fn total(&self, column: &str, table: &str, condition: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Summed {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        self.read(|conn| {
            let summed: Summed = sql_query(format!(
                "SELECT CAST(COALESCE(SUM({column}), 0) AS BIGINT) AS n FROM {table} WHERE {condition}"
            ))
            .get_result(conn)?;
            Ok(summed.n)
        })
    }

    /// The token key of a mailing's first delivery.
    pub fn deliveries_key(&self, mailing_id: i64) -> Option<Random128> {
        let key: Option<Vec<u8>> = self.read(|conn| {
            Ok(deliveries::table
                .filter(deliveries::mailing_id.eq(mailing_id))
                .order(deliveries::id)
                .select(deliveries::token_key)
                .first(conn)?)
        });
        key.map(|key| key.try_into().expect("a key"))
    }

    /// The numbers of deliveries that belong to a recipient.
    pub fn deliveries_of(&self, recipient_id: i64) -> Vec<i64> {
        self.read(|conn| {
            Ok(deliveries::table
                .filter(deliveries::recipient_id.eq(recipient_id))
                .select(deliveries::id)
                .load(conn)?)
        })
    }
}
