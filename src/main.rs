//! `countersign`: parse the arguments, start tracing, run.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use countersign::{cli, config};

/// How it is set: `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let environment = config::Environment::read();
    environment.start_tracing();
    let command = match cli::parse(std::env::args_os(), &environment) {
        Ok(command) => command,
        Err(code) => return code,
    };
    // As much as a main thread has: what a build without optimisation needs for the longest verbs.
    match tokio::runtime::Builder::new_multi_thread().thread_stack_size(8 << 20).enable_all().build() {
        Ok(runtime) => runtime.block_on(command.run()),
        Err(cause) => command.failed(&cli::Failure::no_runtime(&cause)),
    }
}
