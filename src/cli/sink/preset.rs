//! `leadmilter sink presets` and `show`: what the program knows how to talk to.

use serde::Serialize;

use super::super::{
    exit::{self, Wrong},
    output::{json_lines, table, text},
};
use crate::preset::{Preset, SecretKind};

/// A preset as `presets --json` prints it.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    title: String,
    /// The default of `url`.
    url: Option<String>,
    /// What `secret_file` has to hold.
    secret: Option<String>,
    /// Settings and what they are.
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    about: String,
    default: Option<String>,
    needed: bool,
}

pub fn list(json: bool) -> anyhow::Result<u8> {
    let presets: Vec<Listed> = Preset::names().filter_map(Preset::built_in).map(listed).collect();
    if json {
        json_lines(&presets)?;
        return Ok(exit::OK);
    }
    let row = |of: &Listed| {
        let needed: Vec<&str> = of.settings.iter().filter(|of| of.needed).map(|of| of.name.as_str()).collect();
        let secret = of.secret.as_ref().map(|_| "secret_file");
        let url = of.url.is_none() && of.name != "journal";
        let needs: Vec<&str> = url.then_some("url").into_iter().chain(secret).chain(needed).collect();
        vec![of.name.clone(), of.title.clone(), needs.join(", ")]
    };
    table(&["PRESET", "WHAT IT DOES", "NEEDS"], presets.iter().map(row).collect(), "no presets")?;
    Ok(exit::OK)
}

fn listed(preset: Preset) -> Listed {
    let settings = preset.settings.into_iter().map(|(name, of)| {
        let needed = of.default.is_none() && !of.optional;
        Setting { name, about: of.about, default: of.default, needed }
    });
    Listed {
        name: preset.name,
        title: preset.title,
        url: preset.url,
        secret: preset.secret.map(|secret| match secret {
            SecretKind::Signing => "a signing secret, as `leadmilter sink secret` makes it".to_owned(),
            SecretKind::Token { about, .. } => about,
        }),
        settings: settings.collect(),
    }
}

pub fn show(name: &str) -> anyhow::Result<u8> {
    let Some(preset) = Preset::built_in(name) else {
        let known: Vec<&str> = Preset::names().collect();
        return Err(Wrong::Usage(format!("no preset {name:?}: there are {}", known.join(", "))).into());
    };
    text(preset.text.trim_end())?;
    Ok(exit::OK)
}
