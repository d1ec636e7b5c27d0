//! From a request of a preset to one that can be sent.
//!
//! Given the templates and what they know; gives back method, URL, headers and body. Every value goes through the encoder of its
//! place: a segment of the path, a value of the query, JSON, a form, CSV. A value that cannot stand in a header fails the attempt.

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};
use url::{Url, form_urlencoded};

use crate::preset::{self, Auth, Body, Method, Request, Template, TemplateError, Value};

/// A request that can be sent.
pub struct Rendered {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub payload: Payload,
}

/// What it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    Nothing,
    /// The event itself, in the form that the sink has.
    Event,
    Text {
        content_type: &'static str,
        body: String,
    },
    /// A file in a form.
    Csv {
        field: String,
        body: Vec<u8>,
    },
}

/// Why a request cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{place} of the request")]
pub struct RenderError {
    pub place: &'static str,
    #[source]
    pub source: TemplateError,
}

/// Renders a request for one event.
pub fn render(request: &Request, base: &Url, known: &Map<String, Json>) -> Result<Rendered, RenderError> {
    let context = preset::context(known);
    let mut rendered = address(request, base, &context)?;
    rendered.payload = match &request.body {
        Body::None | Body::Csv { .. } => Payload::Nothing,
        Body::Event => Payload::Event,
        Body::Json(tree) => {
            let json = tree.render(&context).map_err(in_the("body"))?.unwrap_or_default();
            Payload::Text { content_type: "application/json", body: json.to_string() }
        }
        Body::Form(fields) => Payload::Text {
            content_type: "application/x-www-form-urlencoded",
            body: form_urlencoded::Serializer::new(String::new())
                .extend_pairs(texts(fields, &context).map_err(in_the("body"))?)
                .finish(),
        },
    };
    Ok(rendered)
}

/// The line of one event in a file.
pub fn render_line(request: &Request, known: &Map<String, Json>) -> Result<Vec<String>, RenderError> {
    let Body::Csv { columns, .. } = &request.body else { return Ok(Vec::new()) };
    let context = preset::context(known);
    let line = columns.iter().map(|(_, template)| Ok(template.text(&context)?.unwrap_or_default()));
    line.collect::<Result<Vec<_>, _>>().map_err(in_the("file"))
}

/// Renders one request with the lines of many events; what stands beside the file is that of `first`.
pub fn render_file(
    request: &Request,
    base: &Url,
    first: &Map<String, Json>,
    lines: &[Vec<String>],
) -> Result<Rendered, RenderError> {
    let mut rendered = address(request, base, &preset::context(first))?;
    if let Body::Csv { file, columns } = &request.body {
        let mut written = csv::Writer::from_writer(Vec::new());
        let failed = || RenderError { place: "file", source: TemplateError::other("a line cannot be written") };
        written.write_record(columns.iter().map(|(heading, _)| heading)).map_err(|_| failed())?;
        for line in lines {
            written.write_record(line).map_err(|_| failed())?;
        }
        let body = written.into_inner().map_err(|_| failed())?;
        rendered.payload = Payload::Csv { field: file.clone(), body };
    }
    Ok(rendered)
}

fn address(request: &Request, base: &Url, context: &Value) -> Result<Rendered, RenderError> {
    let mut url = base.clone();
    if !request.path.is_empty() {
        let segments = request.path.iter().map(|segment| Ok(segment.text(context)?.unwrap_or_default()));
        let segments = segments.collect::<Result<Vec<_>, _>>().map_err(in_the("path"))?;
        // Only a URL that has no host has no path, and no sink has such a one.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
    }
    let query = texts(&request.query, context).map_err(in_the("query"))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in texts(&request.headers, context).map_err(in_the("headers"))? {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| refused("headers", "a name that no header may have"))?;
        headers.insert(name, header_value(&value)?);
    }
    if let Some(auth) = &request.auth {
        let mut value = header_value(&credentials(auth, context)?)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Options => reqwest::Method::OPTIONS,
    };
    Ok(Rendered { method, url, headers, payload: Payload::Nothing })
}

fn credentials(auth: &Auth, context: &Value) -> Result<String, RenderError> {
    use base64::{Engine, engine::general_purpose::STANDARD};

    let text = |template: &Template| Ok(template.text(context).map_err(in_the("auth"))?.unwrap_or_default());
    Ok(match auth {
        Auth::Bearer(token) => format!("Bearer {}", text(token)?),
        Auth::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{}:{}", text(user)?, text(password)?)))
        }
    })
}

fn header_value(text: &str) -> Result<HeaderValue, RenderError> {
    HeaderValue::from_str(text).map_err(|_| refused("headers", "a value that no header may have"))
}

/// Names and values of those that come to something.
fn texts<'n>(templates: &'n [(String, Template)], context: &Value) -> Result<Vec<(&'n str, String)>, TemplateError> {
    let texts = templates.iter().map(|(name, template)| Ok(template.text(context)?.map(|text| (name.as_str(), text))));
    texts.filter_map(Result::transpose).collect()
}

fn in_the(place: &'static str) -> impl Fn(TemplateError) -> RenderError {
    move |source| RenderError { place, source }
}

fn refused(place: &'static str, why: &str) -> RenderError {
    RenderError { place, source: TemplateError::other(why) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::preset::Preset;

    fn rendered(request: &str, known: Json) -> Rendered {
        let text = format!("title = \"t\"\nsecret = \"a key\"\n[request]\n{request}");
        let preset = Preset::parse("mine", &text).unwrap();
        let Json::Object(known) = known else { panic!("no object") };
        render(preset.request.as_ref().unwrap(), &"https://crm.company.test/base/".parse().unwrap(), &known).unwrap()
    }

    const HOSTILE: &str = "a/../b?c=d&e#f \"é\"\r\nX: y";

    #[test]
    fn a_hostile_value_stays_in_its_place() {
        let known = json!({ "secret": "s/1", "data": { "x": HOSTILE } });
        let got = rendered(
            "path = [\"rest\", \"{{ secret }}\", \"{{ data.x }}\", \"\"]\nquery = { q = \"{{ data.x }}\", no = \"{{ data.y }}\" }\n\
             encoding = \"form\"\nbody = { \"f[a]\" = \"{{ data.x }}\", gone = \"{{ data.y }}\" }",
            known.clone(),
        );
        // The URL standard drops line ends and tabs from a path.
        let hostile = "a%2F..%2Fb%3Fc=d&e%23f%20%22%C3%A9%22X:%20y";
        let form = "a%2F..%2Fb%3Fc%3Dd%26e%23f+%22%C3%A9%22%0D%0AX%3A+y";
        assert_eq!(got.url.as_str(), format!("https://crm.company.test/base/rest/s%2F1/{hostile}/?q={form}"));
        let expected =
            Payload::Text { content_type: "application/x-www-form-urlencoded", body: format!("f%5Ba%5D={form}") };
        assert_eq!(got.payload, expected);
        let got = rendered("body = { a = \"{{ data.x }}\" }", known);
        let expected = json!({ "a": HOSTILE }).to_string();
        assert_eq!(got.payload, Payload::Text { content_type: "application/json", body: expected });
    }

    #[test]
    fn a_method_is_the_one_that_is_written() {
        for method in ["GET", "POST", "PUT", "PATCH", "OPTIONS"] {
            assert_eq!(rendered(&format!("method = {method:?}"), json!({})).method, method);
        }
    }

    #[test]
    fn a_segment_of_dots_climbs_nowhere() {
        let got = rendered("path = [\"{{ data.x }}\", \"end\"]", json!({ "data": { "x": ".." } }));
        assert_eq!(got.url.as_str(), "https://crm.company.test/base/end");
    }

    #[test]
    fn a_header_takes_no_line_end_and_credentials_are_encoded() {
        let got = rendered(
            "auth = { user = \"{{ secret }}\" }\nheaders = { x-a = \"{{ data.x }}\" }",
            json!({ "secret": "key", "data": { "x": "1" } }),
        );
        assert_eq!(
            (&got.headers["authorization"], &got.headers["x-a"]),
            (&"Basic a2V5Og==".parse().unwrap(), &"1".parse().unwrap())
        );
        assert!(got.headers["authorization"].is_sensitive());
        let preset = Preset::parse("mine", "title = \"t\"\n[request]\nheaders = { x-a = \"{{ data.x }}\" }").unwrap();
        let Json::Object(known) = json!({ "data": { "x": "1\r\nX: y" } }) else { panic!() };
        let said = render(preset.request.as_ref().unwrap(), &"https://crm.company.test/".parse().unwrap(), &known);
        assert_eq!(said.err().unwrap().source.to_string(), "a value that no header may have");
    }

    #[test]
    fn a_batch_is_one_file_with_a_line_for_each() {
        let text = "title = \"t\"\nbatch = { size = 9, every = \"1m\" }\n[request]\nencoding = \"csv\"\ncolumns = { Id = \"{{ id }}\", Name = \"{{ data.x }}\" }";
        let preset = Preset::parse("mine", text).unwrap();
        let known = [json!({ "id": "1", "data": { "x": "a,\"b\"\n" } }), json!({ "id": "2" })];
        let known: Vec<_> = known.iter().map(|known| known.as_object().unwrap()).collect();
        let base = "https://crm.company.test/".parse().unwrap();
        let request = preset.request.as_ref().unwrap();
        let lines: Vec<_> = known.iter().map(|known| render_line(request, known).unwrap()).collect();
        let got = render_file(request, &base, known[0], &lines).unwrap();
        let body = b"Id,Name\n1,\"a,\"\"b\"\"\n\"\n2,\n".to_vec();
        assert_eq!(got.payload, Payload::Csv { field: "file".to_owned(), body });
    }
}
