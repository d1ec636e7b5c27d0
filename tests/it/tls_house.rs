//! Private CAs, receivers with their certificates, and a proxy, all on this host.
//!
//! Each takes connections on threads of its own and tells the head of every request that it has read. They end with the
//! process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::house::PATIENCE;

/// A CA that signs for this host.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    /// Makes one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS of a server with a certificate of this CA.
    fn server(&self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

/// A server that tells what it was asked.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    heads: Receiver<String>,
}

impl Server {
    fn start(serve: impl Fn(TcpStream, &Sender<String>) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heads) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, sender) = (serve.clone(), sender.clone());
                thread::spawn(move || serve(stream.unwrap(), &sender));
            }
        });
        Self { address, heads }
    }

    /// A receiver behind TLS that takes everything.
    pub fn receiver(ca: &Ca) -> Self {
        let config = ca.server();
        Self::start(move |stream, heads| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream);
            // A client that does not trust us says nothing.
            if let Some(head) = head(&mut stream) {
                heads.send(first_line(&head)).unwrap();
                answer(&mut stream, &head, "204 No Content");
            }
        })
    }

    /// A proxy: answers itself what is in the clear, with 202, and opens tunnels for the rest.
    pub fn proxy() -> Self {
        Self::proxy_to(None)
    }

    /// A proxy whose tunnels all lead to one place, whatever they are asked for.
    pub fn proxy_to(place: Option<SocketAddr>) -> Self {
        Self::start(move |mut stream, heads| {
            let Some(head) = head(&mut stream) else { return };
            let line = first_line(&head);
            heads.send(line.clone()).unwrap();
            let Some(target) = line.strip_prefix("CONNECT ") else { return answer(&mut stream, &head, "202 Accepted") };
            let there = place.map_or_else(|| TcpStream::connect(target.split(' ').next().unwrap()), TcpStream::connect);
            let mut there = there.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut back, mut here) = (there.try_clone().unwrap(), stream.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut back, &mut here));
            // Either side may break off: that is their business.
            drop(std::io::copy(&mut stream, &mut there));
        })
    }

    /// The first line of the next request.
    pub fn next(&self) -> String {
        self.heads.recv_timeout(PATIENCE).expect("nobody called")
    }

    /// The first lines of requests that nobody asked for.
    pub fn rest(&self) -> Vec<String> {
        self.heads.try_iter().collect()
    }
}

/// The head of a request, or nothing if none comes.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

fn first_line(head: &str) -> String {
    head.lines().next().unwrap().to_owned()
}

/// Reads the body of a request, and answers it.
fn answer(stream: &mut (impl Read + Write), head: &str, status: &str) {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
    stream.flush().unwrap();
}
