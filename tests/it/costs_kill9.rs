//! An import of costs that is killed on its way has kept all of its rows or none, and can simply be run again.

use std::{
    fmt::Write,
    fs,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use rusqlite::Connection;

use crate::{command::run, company::Company, house::PATIENCE, http_house::daemon_command};

const ROWS: usize = 30_000;

/// How much of the log is there when it is killed: before anything is written, while rows are written, and behind that.
const WRITTEN: [u64; 4] = [0, 1, 1024 * 1024, 3 * 1024 * 1024];

fn count(company: &Company) -> usize {
    let store = Connection::open(company.path("store/leads.db")).unwrap();
    store.query_row("SELECT count(*) FROM cost", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_import_that_is_killed_has_kept_all_or_nothing() {
    let company = Company::new("", "");
    let mut file = "date,utm_source,utm_term,amount\n".to_owned();
    for row in 0..ROWS {
        writeln!(file, "2026-11-{:02},yandex,насос погружной номер {row},{}.50", row % 30 + 1, row % 7).unwrap();
    }
    fs::write(company.path("costs.csv"), file).unwrap();
    // Makes the store.
    assert_eq!(
        run(&company, &["costs", "delete", "--provider", "x", "--from", "2026-11-01", "--to", "2026-11-01"]).code,
        0
    );
    let size = |name: &str| fs::metadata(company.path(name)).map_or(0, |log| log.len());
    let mut killed = 0;
    for written in WRITTEN {
        let mut import = Command::new(daemon_command(&company).get_program())
            .arg("--config")
            .arg(company.config_file())
            .args(["costs", "import", "costs.csv"])
            .current_dir(company.path(""))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // An import takes a moment: whoever looks now and then comes too late.
        let begun = Instant::now();
        while size("store/leads.db-wal") < written && import.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "no import under way");
            thread::yield_now();
        }
        let ended = import.try_wait().unwrap();
        import.kill().unwrap();
        import.wait().unwrap();
        let kept = count(&company);
        assert!(kept == 0 || kept == ROWS, "{kept} of {ROWS} after {written} octets");
        killed += usize::from(ended.is_none() && kept == 0);
        if kept > 0 {
            run(&company, &["costs", "delete", "--provider", "ga4", "--from", "2026-11-01", "--to", "2026-11-30"]);
            run(&company, &["costs", "delete", "--provider", "manual", "--from", "2026-11-01", "--to", "2026-11-30"]);
        }
    }
    assert!(killed > 1, "{killed} imports were killed before their end");
    let done = run(&company, &["costs", "import", "costs.csv"]);
    assert_eq!((done.code, done.err.as_str(), count(&company)), (0, "", ROWS));
}
