//! Recipients from a text, through the real import.

use std::fs;
use std::path::PathBuf;

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::imports::{self, Import, ImportStatus, NewImport};
use widerspruch::domain::time::Timestamp;
use widerspruch::import::inspect;
use widerspruch::import::run::{self, Settings};

use super::World;

pub const ACTOR: Actor = Actor::Program("Test");

/// Where the text lies: beside the data directory, whose bytes some tests search.
pub fn import_file(world: &World) -> PathBuf {
    world.files.path().join("test.csv")
}

/// Writes a file and notes its import, ready to run.
pub fn begin(world: &World, text: &str, group_id: Option<i64>) -> Import {
    begin_with(world, text, group_id, |_| {})
}

fn begin_with(
    world: &World,
    text: &str,
    group_id: Option<i64>,
    change: impl FnOnce(&mut Settings),
) -> Import {
    let path = import_file(world);
    fs::write(&path, text).expect("a running import");
    let mut opened = fs::File::open(&path).expect("the file just written");
    let found = inspect(&mut opened, 20).expect("a CSV file");
    let mut settings = Settings {
        dialect: found.dialect,
        mapping: found.mapping,
        consent: None,
        everybody: None,
        modified_at: None,
    };
    change(&mut settings);
    let settings = settings.to_json();
    let new = NewImport {
        user_id: None,
        group_id,
        file_name: "kunden.csv",
        size: i64::try_from(text.len()).expect("a running import"),
        settings: &settings,
        status: ImportStatus::Running,
    };
    world.write(|conn| {
        let id = imports::create(conn, world.account_id, &new, Timestamp::now())?;
        imports::find(conn, world.account_id, id)
    })
}

/// Imports a text and gives the import as it ended.
pub fn import(world: &World, text: &str, group_id: Option<i64>) -> Import {
    import_with(world, text, group_id, |_| {})
}

/// The same with other settings than those that are recognised.
pub fn import_with(
    world: &World,
    text: &str,
    group_id: Option<i64>,
    change: impl FnOnce(&mut Settings),
) -> Import {
    let begun = begin_with(world, text, group_id, change);
    let (db, key) = (&world.state.db, &world.state.remembering);
    let ended =
        run::run(db, key, &ACTOR, &begun, &import_file(world), |_| true).expect("a running import");
    assert!(ended, "nobody stopped it");
    let done = world.read(|conn| imports::find(conn, world.account_id, begun.id));
    assert_eq!(done.status, ImportStatus::Done);
    done
}
