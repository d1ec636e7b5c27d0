//! Which modules of its crate a Rust file uses, read from its text.
//!
//! Given a file and the path of its module; gives back the first part of every path of the crate in it: `use` trees,
//! paths inside expressions, and `super` that climbs to the root alike. Comments, strings and what `#[cfg(test)]` marks
//! are left out. Reads tokens, no grammar: enough for code that rustfmt has seen.

/// A word or sign, and its line.
pub type Token = (String, usize);

/// Modules of the crate that the text of `module` names, with their lines.
pub fn used(text: &str, module: &[&str]) -> Vec<Token> {
    let tokens = &without_tests(tokens(text));
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((word, _)) = tokens.get(at) {
        at += 1;
        let parent = &module[..module.len() - 1];
        match word.as_str() {
            "crate" | "leadmilter" => tree(tokens, &mut at, Vec::new(), &mut found),
            "super" => tree(tokens, &mut at, parent.iter().map(|part| (*part).to_owned()).collect(), &mut found),
            _ => {}
        }
    }
    found
}

/// Adds the first part of every path that begins with `path` and goes on at `tokens[*at]`.
fn tree(tokens: &[Token], at: &mut usize, mut path: Vec<String>, found: &mut Vec<Token>) {
    let word = |at: usize| tokens.get(at).map_or("", |(word, _)| word.as_str());
    let mut line = tokens[*at - 1].1;
    while word(*at) == "::" {
        *at += 1;
        if word(*at) == "{" {
            *at += 1;
            while !["}", ""].contains(&word(*at)) {
                let mut below = path.clone();
                step(&mut below, word(*at));
                *at += 1;
                if word(*at - 1) != "," {
                    tree(tokens, at, below, found);
                }
            }
            *at += 1;
            return;
        }
        step(&mut path, word(*at));
        line = tokens.get(*at).map_or(line, |(_, line)| *line);
        *at += 1;
    }
    if word(*at) == "as" {
        *at += 2;
    }
    found.extend(path.into_iter().next().map(|first| (first, line)));
}

fn step(path: &mut Vec<String>, name: &str) {
    match name {
        "super" => drop(path.pop()),
        "self" => {}
        name => path.push(name.to_owned()),
    }
}

/// Words, `::` and the signs that matter; no comments and no strings.
fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(char) = rest.chars().next() {
        let word = |char: char| char.is_alphanumeric() || char == '_';
        let raw = rest.strip_prefix('r').filter(|tail| tail.trim_start_matches('#').starts_with('"'));
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(tail) = raw {
            let open = tail.find('"').unwrap_or_default();
            let end = format!("\"{}", "#".repeat(open));
            tail[open + 1..].find(&end).map_or(rest.len(), |at| 1 + open + 1 + at + end.len())
        } else if char == '"' {
            let (bytes, mut at) = (rest.as_bytes(), 1);
            while bytes.get(at).is_some_and(|byte| *byte != b'"') {
                at += 1 + usize::from(bytes[at] == b'\\');
            }
            at + 1
        } else if rest.starts_with("'\\") {
            rest[3..].find('\'').map_or(rest.len(), |at| at + 4)
        } else if char == '\'' && rest.chars().nth(2) == Some('\'') {
            rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at)
        } else if word(char) {
            rest.find(|char| !word(char)).unwrap_or(rest.len())
        } else {
            if rest.starts_with("::") { 2 } else { char.len_utf8() }
        };
        let (token, after) = rest.split_at(length.min(rest.len()));
        if word(char) && raw.is_none() || "::{},#[]();*".contains(token) {
            out.push((token.to_owned(), line));
        }
        line += token.matches('\n').count();
        rest = after;
    }
    out
}

/// Without `#[cfg(test)]` and the item behind it.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(mark.len()).map(|(word, _)| word.as_str()).eq(mark) {
            let mut depth = 0;
            while at < tokens.len() {
                let word = tokens[at].0.as_str();
                depth += i32::from(word == "{") - i32::from(word == "}");
                at += 1;
                if depth == 0 && ["}", ";"].contains(&word) {
                    break;
                }
            }
        } else {
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}
