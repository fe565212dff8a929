//! Lambda `import-persons`.

fn main() -> std::process::ExitCode {
    functions::native::import_persons::main()
}
