//! The names that values of a source begin with: `jobs` in `jobs.waiting`. Here is the one rule for them.

/// Names that mean something else in samples.
const RESERVED: [&str; 7] = ["server", "generator", "publisher", "host", "sar", "cgroup", "connections"];

pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The name of what is scraped or run.
pub(crate) fn source(name: &str) -> Result<String, String> {
    if name.is_empty() || of_program(name) != name {
        return Err(format!("'{name}' cannot be a name: write letters, digits, '_' and '-'"));
    }
    free(name)
}

/// The name of a program, which has other letters, too.
pub(crate) fn program(name: &str) -> Result<String, String> {
    free(name)
}

/// The name of a queue, which may be one of those that there are: `host.accept`.
pub(crate) fn queue(name: &str) -> Result<String, String> {
    let allowed = |letter: char| letter == '.' || is_plain(letter);
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(format!("'{name}' cannot be a queue's name: write letters, digits, '_', '-' and '.'"));
    }
    free(name)
}

/// What the values of a process of that name begin with.
pub(crate) fn of_program(name: &str) -> String {
    name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect()
}

/// The first name that two sources would have.
pub(crate) fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.into_iter().find(|name| !seen.insert(of_program(name)))
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

fn free(name: &str) -> Result<String, String> {
    if is_reserved(name) {
        return Err(format!(
            "'{name}' means something else in samples: choose another name than {}, or watch a process by --pid",
            RESERVED.join(", ")
        ));
    }
    Ok(name.to_owned())
}
