//! Killed under a load of hits, again and again.

use crate::support::hits::Read;
use crate::support::program::Program;
use crate::support::{On, World};

const KILLS: usize = 5;

/// How many hits are acknowledged between two kills, at least.
const HITS: usize = 150;

fn killed_under_hits(on: On) {
    let mut world = World::start(on);
    let read = Read::new(&world);
    world.stop();
    for kill in 1..=KILLS {
        let program = Program::serve(world.dir.path(), world.database_url());
        let (url, is_dead) = (
            program.url.clone(),
            std::sync::atomic::AtomicBool::new(false),
        );
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let alive = || !is_dead.load(std::sync::atomic::Ordering::SeqCst);
                read.by(&world, &[&url], alive);
            });
            read.wait_for(kill * HITS);
            program.kill();
            is_dead.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        read.assert_stored(&world);
    }
    // And it serves as if nothing had been.
    let program = Program::serve(world.dir.path(), world.database_url());
    let enough = (KILLS + 1) * HITS;
    read.by(&world, &[&program.url], || read.acknowledged() < enough);
    read.assert_stored(&world);
    program.stop();
}

#[test]
fn a_killed_program_loses_no_acknowledged_hit_sqlite() {
    killed_under_hits(On::Sqlite);
}

#[test]
fn a_killed_program_loses_no_acknowledged_hit_postgres() {
    killed_under_hits(On::Postgres);
}
