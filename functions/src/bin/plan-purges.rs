//! Lambda `plan-purges`.

fn main() -> std::process::ExitCode {
    functions::console::plan_purges()
}
