//! What people read tells the truth: man pages have every key, default, command and option, and README no other.
//!
//! Keys and defaults are taken from config.example.toml, which other tests compare with the program; commands and
//! options from what `leadmilter --help` prints.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

const MAN_8: &str = include_str!("../../contrib/man/leadmilter.8");
const MAN_5: &str = include_str!("../../contrib/man/leadmilter-config.5");
const EXAMPLE: &str = include_str!("../../config.example.toml");
const README: &str = include_str!("../../README.md");

/// What every command takes.
const GLOBAL: [&str; 3] = ["config", "help", "version"];

/// Options by command: `sink secret` to `file`, `rotate`, `retire`.
type Commands = BTreeMap<String, BTreeSet<String>>;

/// Commands and options that the program itself tells of, beginning with those of `command`.
fn told(command: &str, commands: &mut Commands) {
    let output = Command::new(env!("CARGO_BIN_EXE_leadmilter")).args(command.split_whitespace()).arg("--help").output();
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    let (mut below, mut options) = (Vec::new(), BTreeSet::new());
    let mut heading = "";
    for line in help.lines() {
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
        match (line.strip_prefix("  "), words.first()) {
            (None, Some(_)) => heading = line,
            (Some(text), Some(word)) if heading == "Commands:" && !text.starts_with(' ') => below.push(*word),
            (Some(_), Some(word)) if heading == "Options:" && word.starts_with('-') => {
                let long = words.iter().find_map(|word| word.strip_prefix("--")?.split('[').next());
                options.extend(long.filter(|long| !GLOBAL.contains(long)).map(str::to_owned));
            }
            _ => {}
        }
    }
    commands.insert(command.to_owned(), options);
    for name in below.into_iter().filter(|name| *name != "help") {
        told(format!("{command} {name}").trim(), commands);
    }
}

fn commands() -> Commands {
    let mut commands = Commands::new();
    told("", &mut commands);
    commands
}

/// Whether a command only holds others. Such a group takes the options of its `list`; one that has none and takes options
/// all the same is a command itself.
fn is_group(name: &str, commands: &Commands) -> bool {
    let holds = |below: &str| commands.keys().any(|other| other.starts_with(&format!("{name} {below}")));
    name.is_empty() || holds("") && (holds("list") || commands[name].is_empty())
}

/// Commands that hold no other.
fn leaves(commands: &Commands) -> Commands {
    let is_group = |name: &str| is_group(name, commands);
    commands.iter().filter(|(name, _)| !is_group(name)).map(|(name, options)| (name.clone(), options.clone())).collect()
}

/// The same from the man page: items `.It Cm sink secret`, with every `Fl -option` up to the next one.
fn documented(page: &str) -> Commands {
    let mut commands = Commands::new();
    let (_, list) = page.split_once("\n.Sh COMMANDS\n").unwrap();
    for item in list.split("\n.Sh ").next().unwrap().split(".It Cm ").skip(1) {
        let head = item.lines().next().unwrap().split(' ').filter(|word| !["Cm", "Oo", "Oc"].contains(word));
        let words = head.take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
        let name = words.collect::<Vec<_>>().join(" ");
        let options = item.split("Fl -").skip(1).map(|rest| rest.split_whitespace().next().unwrap().to_owned());
        if name != "help" {
            commands.insert(name, options.filter(|option| !option.is_empty()).collect());
        }
    }
    commands
}

#[test]
fn man_page_has_every_command_and_option() {
    let commands = commands();
    assert_eq!(documented(MAN_8), leaves(&commands));
    for group in ["leads", "deliveries"] {
        assert_eq!(commands[group], commands[&format!("{group} list")], "{group}");
    }
    for (short, long) in [("c", "config"), ("h", "help"), ("V", "version")] {
        let line = MAN_8.lines().find(|line| line.starts_with(&format!(".It Fl {short}")));
        assert!(line.is_some_and(|line| line.contains(&format!(", Fl -{long}"))), "{long}: {line:?}");
    }
}

/// Section and key, with the line that stands for its default.
type Keys = BTreeMap<(String, String), Option<String>>;

fn keys_of_example() -> Keys {
    let mut keys = Keys::new();
    let (mut section, mut has_default) = (String::new(), false);
    for line in EXAMPLE.lines() {
        let form = line.strip_prefix("# Form: ");
        let bare = form.unwrap_or(line).trim_start_matches(['#', ' ']);
        if line.is_empty() {
            has_default = false;
        } else if line.starts_with("# Default: ") {
            has_default = true;
        } else if bare.starts_with('[') {
            section = bare.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = bare.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            let default = has_default && form.is_none() && line.starts_with('#');
            keys.insert((section.clone(), key.to_owned()), default.then(|| bare.to_owned()));
        }
    }
    keys
}

fn keys_of_page() -> Keys {
    let mut keys = Keys::new();
    let (_, list) = MAN_5.split_once("\n.Sh KEYS\n").unwrap();
    let (mut section, mut key) = (String::new(), None);
    for line in list.split("\n.Sh ").next().unwrap().lines() {
        if let Some(name) = line.strip_prefix(".Ss ") {
            let name = name.split(' ').next().unwrap().trim_matches(['[', ']']);
            section = if name == "Top" { String::new() } else { name.to_owned() };
        } else if let Some(name) = line.strip_prefix(".It Va ") {
            key = Some((section.clone(), name.to_owned()));
            keys.insert(key.clone().unwrap(), None);
        } else if let (Some(default), Some(key)) = (line.strip_prefix(".Dl "), &key) {
            keys.insert(key.clone(), Some(default.replace("\\(dq", "\"")));
        }
    }
    keys
}

#[test]
fn man_page_has_every_key_and_its_default() {
    assert!(keys_of_example().len() > 30);
    assert_eq!(keys_of_page(), keys_of_example());
}

/// Lines of code: fenced, and between back quotes.
fn code(markdown: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            lines.push(line);
        } else {
            lines.extend(line.split('`').skip(1).step_by(2));
        }
    }
    lines
}

/// What a line of code gets wrong about `leadmilter COMMAND --option`.
fn unknown(line: &str, commands: &Commands) -> Vec<String> {
    let mut wrong = Vec::new();
    for call in line.split(['|', ';', '&', '#']) {
        let words: Vec<&str> = call.split_whitespace().collect();
        // Not the user or the unit of that name: the last one that a word follows.
        let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
        let name = words.windows(2).rposition(|pair| pair[0] == "leadmilter" && is_word(&pair[1]));
        let Some((start, command)) = name.map(|at| (at + 1, words[at + 1])) else { continue };
        // A group takes a command of its own or options, and no other word.
        let is_known = |word: &str| commands.contains_key(&format!("{command} {word}"));
        let is_group = commands.contains_key(command) && is_group(command, commands);
        let below = words.get(start + 1).filter(|word| is_word(word) && (is_group || is_known(word)));
        let command = below.map_or_else(|| command.to_owned(), |below| format!("{command} {below}"));
        let Some(options) = commands.get(&command) else {
            wrong.push(command);
            continue;
        };
        let given = words[start..].iter().filter_map(|word| word.strip_prefix("--").filter(|name| !name.is_empty()));
        let unknown = given.filter(|option| !options.contains(*option) && !GLOBAL.contains(option));
        wrong.extend(unknown.map(|option| format!("{command} --{option}")));
    }
    wrong
}

#[test]
fn what_is_read_names_only_commands_that_exist() {
    let commands = commands();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = |file| fs::read_to_string(root.join("contrib").join(file)).unwrap();
    let pages = ["http/README.md", "postfix/README.md", "receivers/README.md", "systemd/README.md"].map(page);
    let shown = [MAN_8, MAN_5].into_iter().flat_map(str::lines);
    let lines = shown.filter_map(|line| line.strip_prefix(".Dl ").or_else(|| line.strip_prefix(".Ql ")));
    let lines: Vec<&str> = lines.chain(pages.iter().flat_map(|page| code(page))).chain(code(README)).collect();
    let called = lines.iter().filter(|line| line.contains("leadmilter ")).count();
    assert!(called > 20, "{called} calls");
    let wrong: Vec<String> = lines.iter().flat_map(|line| unknown(line, &commands)).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn an_unknown_command_is_noticed() {
    let commands = commands();
    let rows: &[(&str, &[&str])] = &[
        ("runuser -u leadmilter -- leadmilter doctor", &["doctor"]),
        ("leadmilter leads prune | head", &["leads prune"]),
        ("leadmilter sink secret --file x --renew", &["sink secret --renew"]),
        ("leadmilter check --config x && leadmilter rapport", &["rapport"]),
        ("leadmilter report channels --period 7d | head", &[]),
        ("leadmilter report metrics --period 7d", &["report metrics --period"]),
        ("install -g leadmilter /dev/stdin --mode 0640", &[]),
    ];
    for (line, expected) in rows {
        assert_eq!(unknown(line, &commands), *expected, "{line}");
    }
}

#[test]
fn the_config_in_readme_is_good() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crm.secret"), format!("{}\n", crate::house::SECRET)).unwrap();
    let (_, rest) = README.split_once("\n```toml\n").unwrap();
    let text = rest.split_once("\n```\n").unwrap().0.replace("/etc/leadmilter/", "");
    let loaded = leadmilter::config::parse(&text, Path::new("README.md"), folder.path()).unwrap();
    let channels = loaded.config.channels.iter().map(|channel| channel.addresses.len()).collect::<Vec<_>>();
    assert_eq!((channels, loaded.config.sinks.len()), (vec![3], 1));
}
