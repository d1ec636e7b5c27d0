//! Milter events in, milter statuses out: the only file that knows both sides.
//!
//! Every callback runs behind a panic guard: a fault inside forgets the message and lets it pass. After the end of a
//! message its edits are sent, then Continue, so that milters behind us still see it. There is no `connect` callback:
//! the library ends sessions over the address that Sendmail sends for an IPv6 client.

use std::{
    ffi::CString,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use futures_util::FutureExt;
use indymilter::{
    ActionError, Actions, Callbacks, Context, ContextActions, EomContext, NegotiateContext, ProtoOpts, SetErrorReply,
    Status,
};
use tracing::{Level, debug, enabled, warn};

use super::{
    Milter, bundle,
    client::{client_address, origin, queue_id},
    negotiate::{self, Agreed},
    session::Session,
};
use crate::{
    attribution::Field,
    config::OnError,
    intake::{Changes, Finding},
    maillog::{self, NO_QUEUE},
    metrics::Metrics,
};

/// The callbacks of every session.
pub fn callbacks(milter: Arc<Milter>) -> Callbacks<Session> {
    let [on_negotiate, on_mail, on_rcpt, on_data, on_header, on_eoh, on_eom, on_close] =
        std::array::from_fn(|_| Arc::clone(&milter));
    Callbacks::new()
        .on_negotiate(move |cx, actions, options| {
            let status = handle_negotiate(&on_negotiate, cx, actions, options);
            Box::pin(async move { status })
        })
        .on_mail(move |cx, arguments| ready(handle_mail(&on_mail, cx, &arguments)))
        .on_rcpt(move |cx, arguments| ready(handle_rcpt(&on_rcpt, cx, &arguments)))
        .on_data(move |cx| ready(handle_data(&on_data, cx)))
        .on_header(move |cx, name, value| ready(handle_header(&on_header, cx, &name, &value)))
        // Registered for what the library makes of its absence: a message without any header field would get no answer.
        .on_eoh(move |cx| ready(handle_eoh(&on_eoh, cx)))
        .on_eom(move |cx| {
            let milter = Arc::clone(&on_eom);
            Box::pin(async move { handle_eom(&milter, cx).await })
        })
        .on_abort(|cx| ready(handle_abort(cx)))
        .on_close(move |cx| ready(handle_close(&on_close, cx)))
}

fn ready<'a>(status: Status) -> indymilter::CallbackFuture<'a> {
    Box::pin(std::future::ready(status))
}

fn handle_negotiate(
    milter: &Milter,
    cx: &mut NegotiateContext<Session>,
    actions: Actions,
    options: ProtoOpts,
) -> Status {
    let intake = milter.intake.load_full();
    let rewrite = intake.config.mailboxes.iter().any(|mailbox| mailbox.rewrite);
    let agreed = negotiate::agree(rewrite, cx.requested_opts, actions, options);
    if let Some(missing) = negotiate::missing(rewrite, agreed) {
        if milter.told_missing.swap(true, Ordering::Relaxed) {
            debug!("{missing}");
        } else {
            warn!("{missing}");
        }
    }
    let Agreed { actions, options } = agreed;
    cx.requested_actions = actions;
    cx.requested_opts = options;
    cx.requested_macros = negotiate::macros();
    cx.data = Some(Session::new(intake, agreed));
    Status::Continue
}

fn handle_mail(milter: &Milter, cx: &mut Context<Session>, arguments: &[CString]) -> Status {
    guarded(milter, cx, "MAIL", ProtoOpts::NOREPLY_MAIL, |session| {
        session.begin(&bytes(arguments));
        Status::Continue
    })
}

fn handle_rcpt(milter: &Milter, cx: &mut Context<Session>, arguments: &[CString]) -> Status {
    guarded(milter, cx, "RCPT", ProtoOpts::NOREPLY_RCPT, |session| {
        session.add_recipient(&bytes(arguments), milter);
        Status::Continue
    })
}

fn handle_data(milter: &Milter, cx: &mut Context<Session>) -> Status {
    let queue_id = queue_id(&cx.macros);
    if enabled!(Level::DEBUG)
        && let Some(client) = client_address(&cx.macros)
    {
        debug!("{}: client={client}", queue_id.as_deref().unwrap_or(NO_QUEUE));
    }
    guarded(milter, cx, "DATA", ProtoOpts::empty(), |session| {
        if session.wants_headers(queue_id.as_deref(), milter) { Status::Continue } else { Status::Accept }
    })
}

fn handle_header(milter: &Milter, cx: &mut Context<Session>, name: &CString, value: &CString) -> Status {
    guarded(milter, cx, "header", ProtoOpts::NOREPLY_HEADER, |session| {
        session.add_header(name.to_bytes(), value.to_bytes());
        Status::Continue
    })
}

fn handle_eoh(milter: &Milter, cx: &mut Context<Session>) -> Status {
    guarded(milter, cx, "end of header", ProtoOpts::NOREPLY_EOH, |_| Status::Continue)
}

async fn handle_eom(milter: &Milter, cx: &mut EomContext<Session>) -> Status {
    let queue_id = queue_id(&cx.macros);
    let finished = AssertUnwindSafe(finish(milter, cx, queue_id.clone())).catch_unwind().await;
    finished.unwrap_or_else(|_| {
        milter.metrics.panics.one();
        maillog::panicked(queue_id.as_deref().unwrap_or(NO_QUEUE), "end of message");
        Status::Continue
    })
}

async fn finish(milter: &Milter, cx: &mut EomContext<Session>, queue_id: Option<String>) -> Status {
    let Some(session) = &mut cx.data else { return Status::Continue };
    let origin = origin(&cx.macros);
    let Some(outcome) = session.finish(queue_id.clone(), origin, milter).await else { return Status::Continue };
    let config = &session.intake().config.milter;
    // A dry run holds up nothing.
    if matches!(outcome.finding, Finding::Fault { .. }) && config.on_error == OnError::Tempfail && !config.dry_run {
        let text = ["lead store is not available, try again later"];
        if cx.reply.set_error_reply("451", Some("4.3.0"), text).is_err() {
            debug!("the reply text was refused");
        }
        return Status::Tempfail;
    }
    if !config.dry_run
        && let Err(e) = edit(session, &cx.actions, &outcome.changes).await
    {
        warn!("{}: edits were not taken: {e}", queue_id.as_deref().unwrap_or(NO_QUEUE));
    }
    Status::Continue
}

/// Sends the edits that the MTA accepts.
async fn edit(session: &Session, actions: &impl ContextActions, changes: &Changes) -> Result<(), ActionError> {
    if session.may(Actions::CHANGE_HEADER) {
        for (name, count) in &changes.delete {
            // Each deletion moves the indices of the fields behind it.
            for index in (1..=*count).rev() {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                actions.change_header(name.as_str(), index, None::<&str>).await?;
            }
        }
    }
    if session.may(Actions::ADD_HEADER) {
        insert(actions, &changes.insert).await?;
    }
    if session.may(Actions::ADD_RCPT | Actions::DELETE_RCPT) {
        for argument in &changes.remove {
            actions.delete_recipient(c_string(argument)).await?;
        }
        for new in &changes.add {
            let address = format!("<{}>", new.address);
            if session.may(Actions::ADD_RCPT_EXT) {
                actions.add_recipient_ext(address, Some(new.arguments.as_str())).await?;
            } else {
                actions.add_recipient(address).await?;
            }
        }
    }
    Ok(())
}

async fn insert(actions: &impl ContextActions, fields: &[Field]) -> Result<(), ActionError> {
    if fields.is_empty() {
        return Ok(());
    }
    if let Some(bundle) = bundle::pack(fields) {
        return actions.insert_header(0, bundle::NAME, bundle).await;
    }
    for (index, field) in (0..).zip(fields) {
        actions.insert_header(index, field.name.as_str(), field.body.as_str()).await?;
    }
    Ok(())
}

fn handle_abort(cx: &mut Context<Session>) -> Status {
    if let Some(session) = &mut cx.data {
        session.abort();
    }
    Status::Continue
}

fn handle_close(milter: &Milter, cx: &mut Context<Session>) -> Status {
    if cx.data.take().is_some_and(|session| session.has_message()) {
        milter.metrics.sessions_broken.one();
    }
    Status::Continue
}

/// Runs one step of a session; after a panic the message is forgotten and passes.
fn guarded(
    milter: &Milter,
    cx: &mut Context<Session>,
    stage: &str,
    reply: ProtoOpts,
    step: impl FnOnce(&mut Session) -> Status,
) -> Status {
    let Some(session) = &mut cx.data else { return Status::Continue };
    let status = unless_panic(&milter.metrics, session, step).unwrap_or_else(|| {
        maillog::panicked(queue_id(&cx.macros).as_deref().unwrap_or(NO_QUEUE), stage);
        Status::Continue
    });
    if !reply.is_empty() && session.waived(reply) { Status::Noreply } else { status }
}

fn unless_panic<T>(metrics: &Metrics, session: &mut Session, step: impl FnOnce(&mut Session) -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(|| step(session))).ok();
    if done.is_none() {
        metrics.panics.one();
        session.abort();
    }
    done
}

fn bytes(arguments: &[CString]) -> Vec<&[u8]> {
    arguments.iter().map(|argument| argument.to_bytes()).collect()
}

/// The argument came as a C string, so it holds no NUL.
fn c_string(argument: &[u8]) -> CString {
    CString::new(argument).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, intake::Intake};

    #[test]
    fn a_panic_is_counted_and_forgets_the_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "hostname = \"mx1.company.ru\"\n").unwrap();
        let config: Config = crate::config::load(&path).unwrap().config;
        let agreed = Agreed { actions: Actions::empty(), options: ProtoOpts::empty() };
        let mut session = Session::new(Arc::new(Intake::new(config)), agreed);
        let metrics = Metrics::default();
        session.begin(&[b"<ivan@client.example>"]);
        assert!(session.has_message());
        let done: Option<()> = unless_panic(&metrics, &mut session, |_| panic!("a fault inside"));
        assert_eq!((done, metrics.panics.get(), session.has_message()), (None, 1, false));
        assert_eq!(unless_panic(&metrics, &mut session, |_| 7), Some(7));
    }
}
