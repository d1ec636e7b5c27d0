//! The pages of the presets tell the truth: the sink that each shows is one that the config takes, and nothing is missing.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use leadmilter::{
    config,
    preset::{Preset, SecretKind},
};

use crate::house;

/// Without one, a config is warned of.
const CHANNEL: &str = include_str!("../config/good/minimal.toml");

fn read(name: &str) -> String {
    let file = format!("{}/contrib/sinks/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn page(name: &str) -> String {
    read(&format!("{name}.md"))
}

/// The first listing of a page.
fn section(page: &str) -> &str {
    page.split_once("```toml\n").and_then(|(_, after)| after.split_once("```")).unwrap().0
}

#[test]
fn the_sink_of_a_page_is_one_that_the_config_takes() {
    let folder = tempfile::tempdir().unwrap();
    for name in Preset::names() {
        let secret = match Preset::built_in(name).unwrap().secret {
            Some(SecretKind::Signing) => house::SECRET,
            Some(SecretKind::Token { .. }) | None => "t0ken",
        };
        let path = folder.path().join(format!("{name}.secret"));
        fs::write(&path, format!("{secret}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let text = section(&page(name)).replace("/etc/leadmilter/", &format!("{}/", folder.path().display()));
        let loaded = config::parse(&format!("{text}\n{CHANNEL}"), Path::new("config.toml"), folder.path());
        let loaded = loaded.unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let [sink] = loaded.config.sinks.as_slice() else { panic!("{name}: not one sink") };
        assert_eq!((sink.preset.name.as_str(), loaded.warnings.as_slice()), (name, [].as_slice()));
    }
}

#[test]
fn a_page_names_every_setting_and_every_reason_to_send_nothing() {
    for name in Preset::names() {
        let page = page(name).split_whitespace().collect::<Vec<_>>().join(" ");
        let preset = Preset::built_in(name).unwrap();
        let settings = preset.settings.keys().map(|setting| format!("{setting} = \""));
        let reasons = preset.skips.iter().map(|skip| skip.reason.clone());
        let missing: Vec<String> = settings.chain(reasons).filter(|what| !page.contains(what)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}

#[test]
fn the_index_lists_every_preset_and_every_page_says_what_was_tried() {
    let index = read("README.md");
    let listed = index.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let listed: Vec<&str> =
        listed.filter(|(name, rest)| rest.ends_with(&format!("[{name}]({name}.md) |"))).map(|(name, _)| name).collect();
    assert_eq!(listed, Preset::names().collect::<Vec<_>>());
    for name in Preset::names() {
        assert!(page(name).contains("\n## Tried\n"), "{name}");
    }
}
