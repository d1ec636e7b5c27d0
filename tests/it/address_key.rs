//! `address key`: a key is made, rotated and retired, and a file is never left half written or open to others.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{command::run as command, company::Company};

#[test]
fn a_key_is_made_rotated_and_retired() {
    // The config names the very key that is to be made.
    let company = Company::new("[dynamic]\nmailbox = \"info@company.ru\"\nkey_file = \"token.key\"\n", "");
    let file = company.path("token.key");
    fs::remove_file(&file).unwrap();
    let name = file.to_str().unwrap();
    let run = |options: &[&str]| {
        let output = command(&company, &[&["address", "key"], options].concat());
        let said = format!("{}{}", output.out, output.err).replace(name, "FILE");
        (output.code, said)
    };
    let lines = || fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();

    let (code, printed) = run(&[]);
    assert_eq!((code, printed.trim_end().len()), (0, 64));
    assert!(printed.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        run(&["--file", name]),
        (0, "FILE: new key, keep a copy where backups are: without it addresses say nothing\n".to_owned())
    );
    let first = lines();
    assert_eq!(
        (first.len(), first[0].len(), fs::metadata(&file).unwrap().permissions().mode() & 0o777),
        (1, 64, 0o640)
    );
    let (code, said) = run(&["--file", name]);
    assert_eq!((code, said.as_str()), (69, "leadmilter: cannot make FILE: File exists (os error 17)\n"));
    assert_eq!(
        run(&["--file", name, "--retire"]),
        (65, "leadmilter: FILE: holds one key, so there is none to retire\n".to_owned())
    );
    assert_eq!(
        run(&["--file", name, "--rotate"]),
        (
            0,
            "FILE: new addresses are made under the new key, the older one is still known: reload the daemon\n"
                .to_owned()
        )
    );
    let both = lines();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_eq!(
        run(&["--file", name, "--rotate"]),
        (65, "leadmilter: FILE: a rotation is under way: finish it with --retire\n".to_owned())
    );
    assert_eq!(run(&["--file", name, "--retire"]), (0, "FILE: the older key is gone: reload the daemon\n".to_owned()));
    assert_eq!(lines(), both[..1]);
}
