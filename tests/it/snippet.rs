//! The snippet as a file: what is served is what its source makes, and how long it may be.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::clients::installed;

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn what_is_served_is_made_of_the_source() {
    // With a message of its own where it is missing.
    installed("browser/node_modules/terser");
    let output = Command::new(root("contrib/snippet")).arg("/dev/stdout").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let served = fs::read_to_string(root("src/http/public/snippet/s.min.js")).unwrap();
    assert!(String::from_utf8(output.stdout).unwrap() == served, "s.js was changed: run contrib/snippet");
}

#[test]
fn it_is_no_longer_than_2048_bytes_compressed() {
    let served = fs::read(root("src/http/public/snippet/s.min.js")).unwrap();
    let mut gzip = Command::new("gzip");
    let mut child = gzip.args(["-9", "-n", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&served).unwrap();
    let compressed = child.wait_with_output().unwrap().stdout.len();
    println!("{} bytes, {compressed} with gzip", served.len());
    assert!((1000..=2048).contains(&compressed), "{compressed}");
}
