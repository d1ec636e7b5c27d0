//! All sessions of a run: one thread around one epoll.
//!
//! Given the options; gives back the tally. First every session is opened and negotiated, then the clock starts. When time
//! or messages are used up, nothing new begins, and what is under way is waited for as long as patience lasts.

use std::{
    io::ErrorKind,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use mio::{Events, Poll, Token};

use super::{
    letter::Post,
    message::Message,
    options::Options,
    pace::Pace,
    session::Session,
    socket::{Address, Socket},
    tally::Tally,
};

/// A filter that breaks more sessions than this is not worth loading.
const FAULTS: u64 = 100;

/// Runs what the options ask for.
pub fn run(options: &Options) -> anyhow::Result<Tally> {
    let mut fleet = Fleet::new(options)?;
    fleet.open_all()?;
    fleet.send_all()?;
    fleet.quit_all();
    Ok(fleet.tally)
}

struct Fleet<'a> {
    options: &'a Options,
    patience: Duration,
    address: Address,
    message: Rc<Message>,
    post: Post,
    pace: Pace,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    lines: Vec<Line>,
    under_way: usize,
    tally: Tally,
}

/// A session with its socket.
struct Line {
    socket: Socket,
    session: Session,
    state: State,
    /// When the current message was due.
    since: Instant,
    /// When something last came or went.
    moved: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Negotiating, with no message to send.
    Opening,
    /// Negotiating for the sake of a message that is due.
    Owing,
    Free,
    Busy,
}

impl<'a> Fleet<'a> {
    fn new(options: &'a Options) -> anyhow::Result<Self> {
        ensure!(options.seconds.is_some() || options.messages.is_some(), "say how long: --seconds or --messages");
        ensure!(options.connections > 0 || options.seconds.is_some(), "without --connections, --seconds says how long");
        Ok(Self {
            options,
            patience: Duration::from_secs_f64(options.patience),
            address: Address::parse(&options.socket)?,
            message: Rc::new(Message::new(options)),
            post: Post::new(options),
            pace: Pace::new(options),
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
            lines: Vec::new(),
            under_way: 0,
            tally: Tally::new(options.expect_inserts),
        })
    }

    /// Opens every session and waits until the last has negotiated.
    fn open_all(&mut self) -> anyhow::Result<()> {
        for number in 0..self.options.connections + self.options.idle {
            let line = self.open(number, State::Opening)?;
            self.lines.push(line);
            self.write(number)?;
        }
        while self.lines.iter().any(|line| line.state == State::Opening) {
            self.turn(None)?;
            if let Some(complaint) = self.tally.complaint() {
                bail!("sessions could not be negotiated with {}: {complaint}", self.options.socket);
            }
        }
        Ok(())
    }

    fn open(&mut self, number: usize, state: State) -> anyhow::Result<Line> {
        let connected = self.address.connect();
        let (mut socket, full) =
            connected.with_context(|| format!("cannot connect to {}: does the filter run?", self.options.socket))?;
        socket.register(self.poll.registry(), Token(number))?;
        self.tally.connections += 1;
        self.tally.backlog_full += u64::from(full);
        let now = Instant::now();
        Ok(Line { socket, session: Session::new(Rc::clone(&self.message)), state, since: now, moved: now })
    }

    fn send_all(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut last = began;
        self.pace.start(began);
        loop {
            let now = Instant::now();
            self.begin_due(now)?;
            if self.pace.over(now) && self.under_way == 0 {
                break;
            }
            let before = self.tally.messages();
            self.turn(self.pace.wait(now))?;
            if self.tally.messages() > before {
                last = Instant::now();
            }
            ensure!(self.tally.faults() < FAULTS, "gave up: {}", self.tally.complaint().unwrap_or_default());
        }
        self.tally.took = last - began;
        Ok(())
    }

    fn begin_due(&mut self, now: Instant) -> anyhow::Result<()> {
        while let Some((number, since)) = self.pace.next(now) {
            self.under_way += 1;
            let limit = self.options.messages_per_connection;
            if limit > 0 && self.lines[number].session.begun >= limit {
                self.lines[number].session.quit();
                self.write(number)?;
                self.lines[number] = self.open(number, State::Owing)?;
                self.write(number)?;
            } else {
                self.send(number)?;
            }
            self.lines[number].since = since;
        }
        Ok(())
    }

    fn send(&mut self, number: usize) -> anyhow::Result<()> {
        let Line { session, state, .. } = &mut self.lines[number];
        *state = State::Busy;
        self.post.fill(&mut session.letter);
        session.begin();
        self.write(number)
    }

    /// Waits for events, and handles them.
    fn turn(&mut self, wait: Option<Duration>) -> anyhow::Result<()> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let waited = self.poll.poll(&mut events, Some(wait.map_or(self.patience, |wait| wait.min(self.patience))));
        if let Err(e) = waited
            && e.kind() != ErrorKind::Interrupted
        {
            return Err(e).context("cannot wait for events");
        }
        if events.is_empty() {
            self.look_for_silence()?;
        }
        for event in &events {
            let Token(number) = event.token();
            if event.is_writable() && self.lines[number].session.flush {
                self.write(number)?;
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(number)?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn write(&mut self, number: usize) -> anyhow::Result<()> {
        let Line { socket, session, moved, .. } = &mut self.lines[number];
        match socket.write(&mut session.out, &mut session.cut, session.flush) {
            Ok(all) => {
                session.flush &= !all;
                *moved = Instant::now();
                Ok(())
            }
            Err(e) => self.broken(number, format!("connection lost in writing: {}", e.kind())),
        }
    }

    /// Reads until the socket is empty: it tells only once that there is something.
    fn read(&mut self, number: usize) -> anyhow::Result<()> {
        loop {
            let line = &mut self.lines[number];
            let got = match line.socket.read(&mut self.buffer) {
                Ok(0) => return self.broken(number, "the filter closed the connection".to_owned()),
                Ok(got) => got,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return self.broken(number, format!("connection lost in reading: {}", e.kind())),
            };
            let ended = match line.session.receive(&self.buffer[..got]) {
                Ok(ended) => ended,
                Err(cause) => return self.broken(number, format!("{cause:#}")),
            };
            let now = Instant::now();
            line.moved = now;
            if let Some(ended) = ended {
                self.tally.message(&ended, now - line.since);
                line.state = State::Free;
                self.under_way -= 1;
                self.pace.done(number, now);
                self.begin_due(now)?;
            } else if line.session.is_free() {
                self.negotiated(number)?;
            } else {
                self.write(number)?;
            }
            if got < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn negotiated(&mut self, number: usize) -> anyhow::Result<()> {
        match self.lines[number].state {
            State::Owing => self.send(number),
            State::Opening => {
                self.lines[number].state = State::Free;
                // The others are those that stay idle.
                if number < self.options.connections {
                    self.pace.fresh(number);
                }
                Ok(())
            }
            State::Free | State::Busy => Ok(()),
        }
    }

    /// Counts a session as broken and opens another in its place, as the mail server's next session would.
    fn broken(&mut self, number: usize, kind: String) -> anyhow::Result<()> {
        self.tally.fault(kind);
        if matches!(self.lines[number].state, State::Owing | State::Busy) {
            self.under_way -= 1;
        }
        self.lines[number] = self.open(number, State::Opening)?;
        if self.tally.faults() < FAULTS { self.write(number) } else { Ok(()) }
    }

    fn look_for_silence(&mut self) -> anyhow::Result<()> {
        for number in 0..self.lines.len() {
            let Line { state, moved, .. } = &self.lines[number];
            if *state != State::Free && moved.elapsed() >= self.patience {
                self.broken(number, format!("no answer within {:?}", self.patience))?;
            }
        }
        Ok(())
    }

    /// Ends every session. A filter that closes first is none of our business any more.
    fn quit_all(&mut self) {
        for Line { socket, session, .. } in &mut self.lines {
            session.quit();
            drop(socket.write(&mut session.out, &mut session.cut, true));
        }
    }
}
