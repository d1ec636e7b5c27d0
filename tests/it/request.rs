//! A request that a receiver got, to be made again, unchanged or otherwise.

use std::collections::BTreeMap;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::house::{Call, PATIENCE};

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    /// The request that a receiver got.
    pub fn again(call: &Call) -> Self {
        let own = call.headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()));
        let headers = own.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Self { headers, body: call.body.to_vec() }
    }

    /// The same with another header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        assert!(self.headers.insert(name.to_owned(), value.to_owned()).is_some(), "it had no {name}");
        self
    }

    /// The same without a header.
    pub fn without(mut self, name: &str) -> Self {
        assert!(self.headers.remove(name).is_some(), "it had no {name}");
        self
    }

    /// The same with another body.
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// The same, signed anew by code that is not ours.
    pub fn signed(self, secret: &str, id: &str, timestamp: i64) -> Self {
        let signature = standardwebhooks::Webhook::new(secret).unwrap().sign(id, timestamp, &self.body).unwrap();
        let signed = self.with("webhook-id", id).with("webhook-timestamp", &timestamp.to_string());
        signed.with("webhook-signature", &signature)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Its headers.
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// Makes the request and gives back the status of the answer.
    pub async fn send(&self, url: &str) -> u16 {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        // A receiver may answer before it has read everything, and close.
        drop(stream.write_all(&self.bytes(host, path)).await);
        let mut answer = Vec::new();
        let mut reader = BufReader::new(&mut stream);
        tokio::time::timeout(PATIENCE, reader.read_until(b'\n', &mut answer)).await.unwrap().unwrap();
        let line = String::from_utf8(answer).unwrap();
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"))
    }

    fn bytes(&self, host: &str, path: &str) -> Vec<u8> {
        let mut head = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n", self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"connection: close\r\n\r\n", &self.body].concat()
    }
}
