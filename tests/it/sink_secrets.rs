//! Keys of sinks: an Ed25519 key beside the secret, and secrets that systemd passes as credentials.

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::store::Store;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::{
    command::{Output, run},
    company::{Company, webhook},
    crm_house::{Crm, says},
    house::{Receiver, SECRET, status},
    post_house::{self, Post},
};

fn told(out: &str) -> Output {
    Output { code: 0, out: out.to_owned(), err: String::new() }
}

/// The public key to a private one, by code that is not ours.
fn public_of(line: &str) -> String {
    let bytes = STANDARD.decode(line.strip_prefix("whsk_").unwrap()).unwrap();
    let (seed, public) = bytes.split_at(32);
    let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public).unwrap();
    format!("whpk_{}", STANDARD.encode(pair.public_key()))
}

#[test]
fn a_key_is_added_rotated_and_retired_beside_the_secret() {
    let company = Company::new("", "");
    let file = company.path("crm.secret");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let named = file.to_str().unwrap();
    let secret = |options: &[&str]| run(&company, &[&["sink", "secret", "--file", named], options].concat());
    let lines = || std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let said = |done: &str, key: &str| {
        told(&format!("{named}: {done}: reload the daemon\npublic key for the receiver: {}\n", public_of(key)))
    };

    let made = secret(&["--ed25519", "--rotate"]);
    let one = lines();
    assert_eq!((one.len(), &one[0]), (2, &SECRET.to_owned()));
    assert_eq!(made, said("the key signs now, too", &one[1]));

    let made = secret(&["--ed25519", "--rotate"]);
    let two = lines();
    assert_eq!((two.len(), &two[0], &two[2]), (3, &one[0], &one[1]));
    assert_ne!(two[1], two[2]);
    assert_eq!(made, said("both keys sign now, the first one is new", &two[1]));
    let full = format!("leadmilter: {named}: a rotation is under way: finish it with --retire\n");
    assert_eq!(secret(&["--ed25519", "--rotate"]), Output { code: 65, out: String::new(), err: full });
    assert_eq!(lines(), two);

    assert_eq!(
        secret(&["--rotate"]),
        told(&format!("{named}: both secrets sign now, the first one is new: reload the daemon\n"))
    );
    let three = lines();
    assert_eq!((three.len(), &three[1], &three[2..]), (4, &one[0], &two[1..]));
    assert_eq!(secret(&["--ed25519", "--retire"]), said("only the newer key signs now", &two[1]));
    assert_eq!(secret(&["--retire"]), told(&format!("{named}: only the newer secret signs now: reload the daemon\n")));
    assert_eq!(lines(), [three[0].clone(), two[1].clone()]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(company.path("")).unwrap().count(), 4, "nothing is left beside it");
}

#[test]
fn a_key_is_never_alone() {
    let company = Company::new("", "");
    let new = company.path("new.secret");
    let alone = run(&company, &["sink", "secret", "--file", new.to_str().unwrap(), "--ed25519"]);
    let text = format!("leadmilter: {}: a key signs beside a secret: add --rotate\n", new.display());
    assert_eq!((alone, new.exists()), (Output { code: 64, out: String::new(), err: text }, false));
    let file = company.path("crm.secret");
    let none = run(&company, &["sink", "secret", "--file", file.to_str().unwrap(), "--ed25519", "--retire"]);
    let text = format!("leadmilter: {}: holds 0 keys, not 1 or 2\n", file.display());
    assert_eq!(none, Output { code: 65, out: String::new(), err: text });
    let printed = run(&company, &["sink", "secret", "--ed25519"]);
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    public_of(printed.out.trim_end());
}

/// Runs a command to its end with, or without, a folder of credentials.
fn run_with(company: &Company, folder: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadmilter"));
    command.arg("--config").arg(company.config_file()).args(arguments).stdin(Stdio::null());
    command.env_remove("CREDENTIALS_DIRECTORY").envs(folder.map(|folder| ("CREDENTIALS_DIRECTORY", folder)));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A company whose sink `crm` has its secret of systemd, in the folder `credentials` if it has one.
fn with_credential(url: &str, held: Option<&str>) -> (Company, String) {
    let company = post_house::company(&webhook("crm", url).replace("crm.secret", "credential:crm"));
    let folder = company.path("credentials");
    std::fs::create_dir(&folder).unwrap();
    if let Some(held) = held {
        std::fs::write(folder.join("crm"), held).unwrap();
        std::fs::set_permissions(folder.join("crm"), std::fs::Permissions::from_mode(0o440)).unwrap();
    }
    (company, folder.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_of_systemd_is_the_secret() {
    let mut receiver = Receiver::start(|_| status(204)).await;
    let (company, folder) = with_credential(&receiver.url, Some(SECRET));
    let checked = run_with(&company, Some(&folder), &["check"]);
    let good = format!("{}: good: 2 mailboxes, 3 channels with 9 addresses, 1 sink\n", company.config_file().display());
    assert_eq!(checked, told(&good));
    let mut post = Post::open_with(company, &[("CREDENTIALS_DIRECTORY", &folder)]);
    let lead = post.letter().await;
    assert_eq!(receiver.next().await.header("webhook-id"), lead);
}

#[test]
fn without_systemd_a_credential_keeps_from_nothing_but_the_sink() {
    let (company, folder) = with_credential("http://127.0.0.1:9/", Some(SECRET));
    let lines = |output: &Output| output.out.lines().map(str::to_owned).collect::<Vec<_>>();
    let checked = run_with(&company, None, &["check"]);
    let warning =
        "sink[0].secret_file: systemd passes this credential to the service only, so this command cannot use the sink";
    assert_eq!((checked.code, lines(&checked).len(), checked.err.as_str()), (0, 2, ""), "{checked:?}");
    assert!(checked.out.starts_with("warning: ") && checked.out.contains(warning), "{checked:?}");

    let fails = |arguments: &[&str]| {
        let Output { code, out, err } = run_with(&company, None, arguments);
        (code, out, err.lines().last().unwrap().to_owned())
    };
    let why = "systemd passed no such credential, LoadCredential= in the unit does";
    let refused = (78, String::new(), format!("leadmilter: sink crm has no secret to sign with: {why}"));
    assert_eq!(fails(&["run"]), refused);
    assert_eq!(fails(&["sink", "test", "crm"]), refused);
    drop(Store::open(&company.path("store")).unwrap());
    assert_eq!(run_with(&company, None, &["leads"]), told("no leads\n"));
    assert_eq!(run_with(&company, None, &["deliveries"]), told("no deliveries\n"));
    assert_eq!(run_with(&company, None, &["sink", "list"]).code, 0);
    assert_eq!(run_with(&company, Some(&folder), &["leads"]), told("no leads\n"));
}

#[test]
fn a_credential_that_is_not_passed_or_has_no_name_is_a_fault() {
    let (company, folder) = with_credential("http://127.0.0.1:9/", None);
    let checked = run_with(&company, Some(&folder), &["check"]);
    assert_eq!((checked.code, checked.out.as_str(), checked.err.lines().count()), (78, "", 1), "{checked:?}");
    assert!(checked.err.contains("sink[0].secret_file: \"credential:crm\" does not exist"), "{checked:?}");
    for name in ["credential:", "credential:../crm", "credential:a/b", "credential:.crm"] {
        let company = Company::new("", &webhook("crm", "http://127.0.0.1:9/").replace("crm.secret", name));
        for folder in [Some(folder.as_str()), None] {
            let checked = run_with(&company, folder, &["check"]);
            assert_eq!(checked.code, 78, "{name}: {checked:?}");
            assert!(checked.err.contains(&format!("\"{name}\" is no name of a credential")), "{checked:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_may_be_the_token_of_a_preset() {
    let crm = Crm::start(|_| says(200, &serde_json::json!({}))).await;
    let (company, folder) = with_credential(&crm.url, Some("hunter2\n"));
    let preset = "title = \"t\"\nsecret = \"key\"\n[request]\n[test]\nauth = { bearer = \"{{ secret }}\" }\n";
    std::fs::write(company.path("own.toml"), preset).unwrap();
    let sink = "[[sink]]\nid = \"crm\"\npreset = \"own.toml\"\nsecret_file = \"credential:crm\"\n";
    company.rewrite("", &format!("{sink}url = \"{}\"\n", crm.url));
    assert_eq!(run_with(&company, Some(&folder), &["sink", "test", "crm"]).code, 0);
    assert_eq!(crm.call().header("authorization"), "Bearer hunter2");
    let Output { code, err, .. } = run_with(&company, None, &["sink", "test", "crm"]);
    let why = "systemd passed no such credential, LoadCredential= in the unit does";
    assert_eq!((code, err), (78, format!("leadmilter: sink crm has no secret to show: {why}\n")));
}
