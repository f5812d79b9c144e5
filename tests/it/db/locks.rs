//! What waits for which lock on PostgreSQL.

use widerspruch::db::{Db, Target, account_lock};

use crate::support::{On, World};

/// The number of an account is nobody else's key.
#[test]
fn no_account_keeps_a_node_from_starting() {
    let world = World::start(On::Postgres);
    let target = Target::parse(world.database_url().expect("a server")).expect("its address");
    for account in [4711, 1, 0, -1] {
        world.write(|conn| {
            account_lock::exclusive(conn, account)?;
            account_lock::keep_hits_out(conn, account)?;
            let opened = Db::open(&target);
            assert!(opened.is_ok(), "{account}: {:?}", opened.err());
            Ok(())
        });
    }
}
