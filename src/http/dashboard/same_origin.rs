//! Whether a form was sent from a page of ours: nothing changes because a stranger's page says so.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site` (Fetch Metadata), but only over TLS or to this host; all of
//! them name the page's origin in `Origin` (RFC 6454) with whatever is no GET. The session's cookie is `SameSite=Lax`
//! besides. A request with neither field is refused: no browser sends it.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Fault;

/// Refuses what changes something and comes from elsewhere.
pub async fn demand(request: Request, next: Next) -> Response {
    let is_safe = [Method::GET, Method::HEAD].contains(request.method());
    if is_safe || is_ours(request.headers()) { next.run(request).await } else { Fault::Foreign.into_response() }
}

fn is_ours(headers: &HeaderMap) -> bool {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (field("sec-fetch-site"), field(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some_and(|host| field(header::HOST.as_str()).is_some_and(|ours| ours.eq_ignore_ascii_case(host)))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_change_anything() {
        let rows = [
            ("", "https://lead.company.ru", true),
            ("", "https://LEAD.company.ru", true),
            ("", "https://lead.company.ru:8443", false),
            ("", "https://evil.test", false),
            ("", "https://lead.company.ru.evil.test", false),
            ("", "null", false),
            ("", "", false),
            ("same-origin", "", true),
            ("same-origin", "https://behind.a.proxy", true),
            ("same-site", "https://lead.company.ru", false),
            ("cross-site", "https://lead.company.ru", false),
            ("none", "", false),
        ];
        for (site, origin, expected) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "lead.company.ru".parse().unwrap());
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(is_ours(&headers), expected, "{site} {origin}");
        }
    }
}
