//! What is shown and stored, beside what was shown before and what the model expects.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};
use widerspruch::db::reports::details::{self, Counts};
use widerspruch::db::reports::figures;
use widerspruch::domain::bounce::BounceKind;

use super::history::History;
use super::model::{Expected, Mail};

impl History<'_> {
    /// All pages and files with figures, as they are sent.
    pub fn shown(&self) -> Vec<String> {
        let mut shown = vec![self.admin.visit("/analysen").html()];
        for id in &self.mailings {
            for page in ["", "/e-mail", "/e-mail/inhalt"] {
                shown.push(self.admin.visit(&format!("/analysen/{id}{page}")).html());
            }
            shown.push(
                self.admin
                    .visit(&format!("/analysen/{id}/kennzahlen.csv"))
                    .html(),
            );
        }
        shown
    }

    /// The lines of each mailing's activity, as downloaded.
    pub fn activity(&self) -> Vec<Vec<String>> {
        let lines = |id: &i64| {
            let file = self.admin.visit(&format!("/analysen/{id}/aktivitaet.csv"));
            file.rows().lines().skip(1).map(str::to_owned).collect()
        };
        self.mailings.iter().map(lines).collect()
    }

    /// Only those cut off have lost their names, and nobody a number.
    pub fn check_activity(&self, before: &[Vec<String>], cut: &BTreeSet<usize>) {
        let after = self.activity();
        let gone: Vec<&str> = cut
            .iter()
            .map(|person| self.people[*person].address.as_str())
            .collect();
        let is_gone = |line: &&String| gone.iter().any(|address| line.starts_with(address));
        for (mailing, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(after.iter().filter(is_gone).count(), 0);
            let untouched: Vec<_> = before.iter().filter(|line| !is_gone(line)).collect();
            for line in untouched {
                assert!(after.contains(line), "{line} in {after:?}");
            }
            assert_eq!(numbers(before), numbers(after));
            let mut expected: Vec<(String, i64, i64, bool)> = self
                .mails
                .iter()
                .filter(|mail| mail.mailing == mailing)
                .map(|mail| {
                    let came_back = mail.returned_unread().is_some();
                    let tracking = if mail.key.is_some() {
                        "personenbezogen"
                    } else {
                        "ohne personenbezogenes Tracking"
                    };
                    (tracking.to_owned(), mail.opens, mail.clicks, came_back)
                })
                .collect();
            expected.sort();
            assert_eq!(numbers(after), expected);
        }
    }

    /// The counters against the model, and both against the raw rows.
    pub fn check_totals(&self) {
        for (expected, id) in self.expected.iter().zip(&self.mailings) {
            let (shown, hours, links, devices) = self.world.read(|conn| {
                let account = self.world.account_id;
                Ok((
                    figures(conn, account, &[*id])?.remove(0),
                    details::hours(conn, account, *id, 0, 0)?.1,
                    details::links(conn, account, *id)?,
                    details::devices(conn, account, *id)?,
                ))
            });
            assert_eq!(shown, expected.figures(&shown));
            assert_eq!(counts(hours.opens), expected.total(0, 0));
            assert_eq!(counts(hours.clicks), expected.total(1, 0));
            for link in links {
                assert_eq!(
                    [link.personal, link.firsts, link.anonymous, link.automatic],
                    expected.total(1, link.number)
                );
            }
            let devices: BTreeMap<_, _> = devices
                .into_iter()
                .map(|(kind, device, n)| ((kind, device), n))
                .collect();
            assert_eq!(devices, expected.devices);
            let stored: BTreeMap<_, _> = self.hour_rows(*id);
            assert_eq!(stored, expected.hours, "every hour of every link");
            self.check_raw_rows(expected, *id);
            self.check_bounces(*id);
        }
    }

    /// What came back stands on as many deliveries as it should.
    fn check_bounces(&self, mailing_id: i64) {
        for kind in [BounceKind::Hard, BounceKind::Soft, BounceKind::Complaint] {
            let rows = self.world.rows(
                "deliveries",
                &format!("mailing_id = {mailing_id} AND bounce = '{}'", kind.as_str()),
            );
            let of_mailing = |mail: &&Mail| self.mailings[mail.mailing] == mailing_id;
            let mails = self.mails.iter().filter(of_mailing);
            let expected = mails.filter(|mail| mail.bounce == Some(kind)).count();
            assert_eq!(usize::try_from(rows), Ok(expected), "{kind:?}");
        }
    }

    fn hour_rows(&self, mailing_id: i64) -> BTreeMap<(i32, i64, i64), [i64; 4]> {
        use widerspruch::db::schema::mailing_hours as hours;
        let rows: Vec<(i32, i64, i64, i64, i64, i64, i64)> = self.world.read(|conn| {
            Ok(hours::table
                .filter(hours::mailing_id.eq(mailing_id))
                .select((
                    hours::kind,
                    hours::link,
                    hours::hour,
                    hours::personal,
                    hours::firsts,
                    hours::anonymous,
                    hours::automatic,
                ))
                .load(conn)?)
        });
        rows.into_iter()
            .map(
                |(kind, link, hour, personal, firsts, anonymous, automatic)| {
                    ((kind, link, hour), [personal, firsts, anonymous, automatic])
                },
            )
            .collect()
    }

    /// What can be recomputed from deliveries and events, which pseudonymising must keep.
    fn check_raw_rows(&self, expected: &Expected, mailing_id: i64) {
        #[derive(QueryableByName)]
        struct Raw {
            #[diesel(sql_type = Integer)]
            kind: i32,
            #[diesel(sql_type = BigInt)]
            link: i64,
            #[diesel(sql_type = BigInt)]
            hour: i64,
            #[diesel(sql_type = BigInt)]
            delivery_id: i64,
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let raw: Vec<Raw> = self.world.read(|conn| {
            Ok(sql_query(
                "SELECT CAST(e.kind AS INTEGER) AS kind, CAST(e.link AS BIGINT) AS link, e.hour, e.delivery_id, e.n
                 FROM events e JOIN deliveries d ON d.id = e.delivery_id
                 WHERE d.mailing_id = $1 AND NOT e.automatic ORDER BY e.hour",
            )
            .bind::<BigInt, _>(mailing_id)
            .load(conn)?)
        });
        let mut personal: BTreeMap<(i32, i64, i64), [i64; 2]> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for row in &raw {
            for link in BTreeSet::from([0, row.link]) {
                let counts = personal.entry((row.kind, link, row.hour)).or_default();
                counts[0] += row.n;
                counts[1] += i64::from(seen.insert((row.kind, link, row.delivery_id)));
            }
        }
        let wanted: BTreeMap<_, _> = expected
            .hours
            .iter()
            .filter(|(_, counts)| counts[0] > 0)
            .map(|(key, counts)| (*key, [counts[0], counts[1]]))
            .collect();
        assert_eq!(personal, wanted, "recomputed from the events");
        let of = |condition: &str| {
            self.world.rows(
                "deliveries",
                &format!("mailing_id = {mailing_id} AND {condition}"),
            )
        };
        assert_eq!(of("status = 'handed'"), expected.handed);
        assert_eq!(of("policy = 'personal'"), expected.handed_personal);
        assert_eq!(of("policy = 'anonymous'"), expected.handed_anonymous);
        assert_eq!(of("opens > 0"), expected.total(0, 0)[1]);
        assert_eq!(of("clicks > 0"), expected.total(1, 0)[1]);
    }
}

fn counts(of: Counts) -> [i64; 4] {
    [of.personal, of.unique, of.anonymous.all, of.automatic]
}

/// Tracking, opens, clicks and whether it came back unread, of all lines, in an order that names have no part in.
fn numbers(lines: &[String]) -> Vec<(String, i64, i64, bool)> {
    let mut numbers: Vec<_> = lines
        .iter()
        .map(|line| {
            let cells: Vec<&str> = line.split(';').collect();
            let number = |at: usize| cells[at].parse().expect("a number");
            let (opens, clicks) = (number(3), number(5));
            let came_back = cells[7].ends_with("unzustellbar") && opens == 0 && clicks == 0;
            (cells[2].to_owned(), opens, clicks, came_back)
        })
        .collect();
    numbers.sort();
    numbers
}
