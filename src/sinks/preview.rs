//! The request that an event would make, as text for people. Sends nothing, and shows no secret.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Map;

use super::{
    Message, SinkError, cloudevents,
    http::Http,
    render::{Payload, render, render_file, render_line},
};
use crate::preset::Body;

impl Http {
    /// The request that a message would make, as text.
    pub fn preview(&self, message: Message<'_>) -> Result<String, SinkError> {
        let known = self.of_message(message, &Map::new());
        let fault = |place, source| SinkError::Template { sink: self.known.sink().to_owned(), place, source };
        if let Some(reason) = self.skip_reason(&known).map_err(|wrong| fault("skip", wrong))? {
            return Ok(format!("not sent: {reason}"));
        }
        let Some(request) = &self.preset.request else { return Ok(String::new()) };
        let rendered = match request.body {
            Body::Csv { .. } => {
                render_line(request, &known).and_then(|line| render_file(request, &self.base, &known, &[line]))
            }
            _ => render(request, &self.base, &known),
        };
        let rendered = rendered.map_err(|wrong| fault(wrong.place, wrong.source))?;
        let mut text = format!("{} {}\n", rendered.method, rendered.url);
        let (headers, body) = match &rendered.payload {
            Payload::Nothing => (HeaderMap::new(), String::new()),
            Payload::Event => {
                let (body, headers) = cloudevents::formed(message.body, self.format);
                (headers, body.into_owned())
            }
            Payload::Text { body, .. } if rendered.headers.contains_key(CONTENT_TYPE) => {
                (HeaderMap::new(), body.clone())
            }
            Payload::Text { content_type, body } => {
                (HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]), body.clone())
            }
            Payload::Csv { body, .. } => (HeaderMap::new(), String::from_utf8_lossy(body).into_owned()),
        };
        for (name, value) in rendered.headers.iter().chain(&headers) {
            let value = if value.is_sensitive() { "***" } else { value.to_str().unwrap_or_default() };
            text.push_str(&format!("{name}: {value}\n"));
        }
        if self.signer.is_some() {
            text.push_str("webhook-id: …\nwebhook-timestamp: …\nwebhook-signature: …\n");
        }
        Ok(self.known.mask.masked(format!("{text}\n{body}")))
    }
}
