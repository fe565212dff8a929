//! Lambda `queue-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::queue::main()
}
