//! The snippet as files: names, encodings, and what a cache is told.

use std::io::Read;

use crate::http_house::{Answer, SITE, Web, send};

const SNIPPET: &[u8] = include_bytes!("../../src/http/public/snippet/s.min.js");
const DEBUG: &[u8] = include_bytes!("../../src/http/public/snippet/debug.js");

fn get(web: &Web, path: &str, fields: &str) -> Answer {
    send(&web.public, &format!("GET {path} HTTP/1.1\r\n{fields}"))
}

fn unzipped(answer: &Answer) -> Vec<u8> {
    let mut octets = Vec::new();
    flate2::read::GzDecoder::new(&answer.octets[..]).read_to_end(&mut octets).unwrap();
    octets
}

#[test]
fn the_snippet_comes_in_two_encodings_that_caches_keep_apart() {
    let web = Web::open("", SITE);
    let plain = get(&web, "/s.js", "");
    let tag = plain.field("etag").to_owned();
    let fields = |tag: &str, rest: &[(&str, &str)]| {
        let own = [
            ("etag", tag),
            ("cache-control", "public, max-age=86400, stale-while-revalidate=86400"),
            ("vary", "Accept-Encoding"),
            ("access-control-allow-origin", "*"),
            ("cross-origin-resource-policy", "cross-origin"),
            ("x-content-type-options", "nosniff"),
        ];
        let mut all: Vec<_> =
            own.iter().chain(rest).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.sort();
        all
    };
    let sorted = |answer: &Answer| {
        let mut all = answer.fields.clone();
        all.sort();
        all
    };
    let script = ("content-type", "text/javascript; charset=utf-8");
    let length = SNIPPET.len().to_string();
    assert_eq!((plain.status, plain.octets.as_slice()), (200, SNIPPET));
    assert_eq!(sorted(&plain), fields(&tag, &[script, ("content-length", &length)]));

    let zipped = get(&web, "/s.js", "Accept-Encoding: br, gzip\r\n");
    let zipped_tag = tag.replace("\"", "") + "-gzip";
    let zipped_tag = format!("\"{zipped_tag}\"");
    let length = zipped.octets.len().to_string();
    assert_eq!((zipped.status, unzipped(&zipped).as_slice()), (200, SNIPPET));
    let encoded = ("content-encoding", "gzip");
    assert_eq!(sorted(&zipped), fields(&zipped_tag, &[script, encoded, ("content-length", &length)]));

    for (held, tag) in [
        (tag.clone(), &tag),
        (format!("\"x\", W/{tag}"), &tag),
        (zipped_tag.clone(), &zipped_tag),
        ("*".to_owned(), &tag),
    ] {
        let same = get(&web, "/s.js", &format!("If-None-Match: {held}\r\n"));
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{held}");
        assert_eq!(sorted(&same), fields(tag, &[]), "{held}");
    }
    assert_eq!(get(&web, "/s.js", "If-None-Match: \"0123456789abcdef\"\r\n").status, 200);
    let head = send(&web.public, "HEAD /s.js HTTP/1.1\r\n");
    assert_eq!((head.status, head.body.as_str(), &head.fields), (200, "", &plain.fields));
}

#[test]
fn a_name_with_a_hash_never_changes_and_a_former_one_leads_to_the_script_of_today() {
    let web = Web::open("", SITE);
    let tag = get(&web, "/s.js", "").field("etag").to_owned();
    let pinned = get(&web, &format!("/s.{}.js", tag.trim_matches('"')), "");
    let kept = "public, max-age=31536000, immutable";
    assert_eq!((pinned.status, pinned.octets.as_slice(), pinned.field("cache-control")), (200, SNIPPET, kept));
    let former = get(&web, "/s.0123456789abcdef.js", "");
    assert_eq!((former.status, former.octets.as_slice(), former.field("cache-control")), (200, SNIPPET, "no-cache"));
    for none in ["/s.0123456789ABCDEF.js", "/s.0123456789abcde.js", "/s..js", "/t.0123456789abcdef.js"] {
        assert_eq!(get(&web, none, "").problem().0, 404, "{none}");
    }
}

#[test]
fn the_overlay_is_a_file_of_its_own() {
    let web = Web::open("", SITE);
    let answer = get(&web, "/debug.js", "");
    assert_eq!((answer.status, answer.octets.as_slice()), (200, DEBUG));
    assert_eq!(unzipped(&get(&web, "/debug.js", "Accept-Encoding: gzip\r\n")), DEBUG);
}
