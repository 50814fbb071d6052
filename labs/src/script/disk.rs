//! The words about a broker's disk: its files, their bytes, and what can happen to them.
//!
//! Looking is the lab's own privilege: no client of Kafka can do it, and the engine takes no notice. What is *done* to a disk
//! is an [`Action`] like every other fault.

use super::{
    Fallible,
    api::{Broker, act},
};
use crate::{backend::Failure, text::Text};
use naru_sim::Action;
use rhai::{Array, Dynamic, Engine, NativeCallContext};

/// The most bytes that one `read_bytes` gives.
const READ_BYTES_MAX: i64 = 4_096;

pub(super) fn register(engine: &mut Engine) {
    register_looking(engine);
    register_faults(engine);
}

fn register_looking(engine: &mut Engine) {
    engine.register_fn("files", |ctx: NativeCallContext, b: &mut Broker| {
        let files = b.session.call(&ctx, |session| session.backend.files(b.id))?;
        Ok::<Array, Box<rhai::EvalAltResult>>(files.into_iter().map(Dynamic::from).collect())
    });
    engine.register_fn("file_size", |ctx: NativeCallContext, b: &mut Broker, path: &str| {
        contents(&ctx, b, path).map(|bytes| bytes.len() as i64)
    });
    engine.register_fn(
        "read_bytes",
        |ctx: NativeCallContext, b: &mut Broker, path: &str, position: i64, length: i64| {
            let bytes = part(&ctx, b, path, (position, length), READ_BYTES_MAX)?;
            Ok::<Array, Box<rhai::EvalAltResult>>(bytes.into_iter().map(|byte| i64::from(byte).into()).collect())
        },
    );
    engine.register_fn("read_int", |ctx: NativeCallContext, b: &mut Broker, path: &str, position: i64, length: i64| {
        let bytes = part(&ctx, b, path, (position, length), 8)?;
        Ok::<i64, Box<rhai::EvalAltResult>>(bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)))
    });
    engine.register_fn("find_text", |ctx: NativeCallContext, b: &mut Broker, path: &str, text: &str| {
        let bytes = contents(&ctx, b, path)?;
        let wanted = text.as_bytes();
        let found = bytes.windows(wanted.len().max(1)).position(|window| window == wanted);
        Ok::<i64, Box<rhai::EvalAltResult>>(found.map_or(-1, |position| position as i64))
    });
}

fn contents(ctx: &NativeCallContext, b: &Broker, path: &str) -> Fallible<Vec<u8>> {
    b.session.call(ctx, |session| session.backend.file(b.id, path)?.ok_or_else(|| no_file(path)))
}

/// Some bytes of a file, all of them there.
fn part(
    ctx: &NativeCallContext,
    b: &Broker,
    path: &str,
    (position, length): (i64, i64),
    most: i64,
) -> Fallible<Vec<u8>> {
    b.session.call(ctx, |session| {
        let bytes = session.backend.file(b.id, path)?.ok_or_else(|| no_file(path))?;
        if !(0..=most).contains(&length) {
            return Err(Failure::Usage(Text::new(
                format!("So many bytes cannot be read at once: {length}. At most {most}."),
                format!("한 번에 읽을 수 있는 바이트는 {most}개까지입니다: {length}."),
            )));
        }
        let start = usize::try_from(position).ok();
        let found = start.and_then(|start| bytes.get(start..start.checked_add(length as usize)?));
        found.map(<[u8]>::to_vec).ok_or_else(|| outside(path, position.saturating_add(length), bytes.len()))
    })
}

fn no_file(path: &str) -> Failure {
    Failure::Usage(Text::new(
        format!("The broker has no file {path}. Which ones it has: print(b.files())"),
        format!("브로커에 {path} 파일이 없습니다. 파일 목록 보기: print(b.files())"),
    ))
}

fn outside(path: &str, end: i64, length: usize) -> Failure {
    Failure::Usage(Text::new(
        format!("{path} has {length} bytes; {end} is beyond its end."),
        format!("{path}의 크기는 {length}바이트입니다. {end}은(는) 파일 끝을 넘습니다."),
    ))
}

fn register_faults(engine: &mut Engine) {
    engine.register_fn("drop_caches", |ctx: NativeCallContext, b: &mut Broker| {
        act(&ctx, b, |broker| Action::DropCaches { broker })
    });
    engine.register_fn("disk_full", |ctx: NativeCallContext, b: &mut Broker, full: bool| {
        act(&ctx, b, |broker| Action::DiskFull { broker, full })
    });
    engine.register_fn("fail_sync", |ctx: NativeCallContext, b: &mut Broker, on: bool| {
        act(&ctx, b, |broker| Action::FailSync { broker, on })
    });
    engine.register_fn("edit_byte", |ctx: NativeCallContext, b: &mut Broker, path: &str, position: i64, value: i64| {
        let length = contents(&ctx, b, path)?.len();
        b.session.call(&ctx, |session| {
            let place = u64::try_from(position).ok().filter(|place| *place < length as u64);
            let position = place.ok_or_else(|| outside(path, position, length))?;
            let value = u8::try_from(value).map_err(|_| {
                Failure::Usage(Text::new("A byte is a number from 0 to 255.", "바이트는 0부터 255까지의 숫자입니다."))
            })?;
            session.backend.act(Action::EditByte { broker: b.id, path: path.to_owned(), position, value })
        })
    });
}
