//! The pages of the presets tell the truth: their section is one that the config takes, and nothing is missing.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use leadmilter::{config, preset::Preset};

const PAGES: [&str; 5] = ["bitrix24", "amocrm", "metrika", "roistat", "calltouch"];

/// Without one, a config is warned of.
const CHANNEL: &str = include_str!("../config/good/minimal.toml");

fn page(name: &str) -> String {
    let file = format!("{}/contrib/sinks/{name}.md", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The first listing in TOML.
fn section(page: &str) -> &str {
    page.split_once("```toml\n").and_then(|(_, after)| after.split_once("```")).unwrap().0
}

#[test]
fn the_section_of_a_page_is_one_that_the_config_takes() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "t0ken\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    for name in PAGES {
        let text = section(&page(name)).replace(&format!("/etc/leadmilter/{name}.secret"), secret.to_str().unwrap());
        let text = format!("{text}\n{CHANNEL}");
        let loaded = config::parse(&text, Path::new("config.toml"), folder.path());
        let loaded = loaded.unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let [sink] = loaded.config.sinks.as_slice() else { panic!("{name}: not one sink") };
        assert_eq!((sink.preset.name.as_str(), loaded.warnings.as_slice()), (name, [].as_slice()));
    }
}

#[test]
fn a_page_names_every_setting_and_every_reason_to_send_nothing() {
    for name in PAGES {
        let page = page(name).split_whitespace().collect::<Vec<_>>().join(" ");
        let preset = Preset::built_in(name).unwrap();
        let settings = preset.settings.keys().map(|setting| format!("{setting} = \""));
        let reasons = preset.skips.iter().map(|skip| skip.reason.clone());
        let missing: Vec<String> = settings.chain(reasons).filter(|what| !page.contains(what)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}
