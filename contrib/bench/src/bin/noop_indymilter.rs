//! A filter on indymilter that does nothing: what leadmilter's protocol library costs without leadmilter's work.
//!
//! Given a milter address; serves it until it is killed. It asks for the steps that leadmilter asks for and waives the
//! same answers, as src/milter/negotiate.rs does. The library's own sockets are used as they are. Told to, it accepts
//! every letter at DATA, as leadmilter does with mail that is not ours.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Parser;
use indymilter::{Actions, Callbacks, Config, EitherListener, ProtoOpts, Status};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Runtime},
};

/// A milter that does nothing, built on indymilter.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen: unix:PATH or inet:ADDRESS:PORT
    address: String,
    /// Worker threads; 0 for one thread that does everything
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Accept every letter at DATA
    #[arg(long)]
    accept_data: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    runtime(options.workers)?.block_on(async {
        let config = Config { max_connections: 10_000, ..Config::default() };
        let listener = listen(&options.address).await?;
        indymilter::run(listener, callbacks(options.accept_data), config, std::future::pending::<()>()).await?;
        Ok(())
    })
}

fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(workers.max(1)).enable_all().build().context("no runtime")
}

async fn listen(address: &str) -> anyhow::Result<EitherListener<TcpListener, UnixListener>> {
    let failed = || format!("cannot listen on {address}: is it free?");
    match address.split_once(':') {
        Some(("unix", path)) => Ok(EitherListener::Unix(UnixListener::bind(PathBuf::from(path)).with_context(failed)?)),
        Some(("inet", host)) => Ok(EitherListener::Tcp(TcpListener::bind(host).await.with_context(failed)?)),
        _ => bail!("{address}: write unix:PATH or inet:ADDRESS:PORT"),
    }
}

/// Those of leadmilter, each of which goes on, but for DATA.
fn callbacks(accept_data: bool) -> Callbacks<()> {
    let at_data = if accept_data { Status::Accept } else { Status::Continue };
    Callbacks::new()
        .on_negotiate(|context, actions, options| {
            let waived =
                ProtoOpts::NOREPLY_MAIL | ProtoOpts::NOREPLY_RCPT | ProtoOpts::NOREPLY_HEADER | ProtoOpts::NOREPLY_EOH;
            context.requested_actions = (Actions::ADD_HEADER | Actions::CHANGE_HEADER) & actions;
            context.requested_opts = (context.requested_opts | waived) & options;
            Box::pin(async { Status::Continue })
        })
        .on_mail(|_, _| Box::pin(async { Status::Noreply }))
        .on_rcpt(|_, _| Box::pin(async { Status::Noreply }))
        .on_data(move |_| Box::pin(async move { at_data }))
        .on_header(|_, _, _| Box::pin(async { Status::Noreply }))
        .on_eoh(|_| Box::pin(async { Status::Noreply }))
        .on_eom(|_| Box::pin(async { Status::Continue }))
        .on_abort(|_| Box::pin(async { Status::Continue }))
        .on_close(|_| Box::pin(async { Status::Continue }))
}
