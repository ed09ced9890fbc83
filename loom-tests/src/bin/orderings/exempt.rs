//! The orderings that no model can show to be needed, each with its argument. An entry that a model
//! catches, or that is not exactly one line of the source, is an error.
use crate::source::{Line, Ordering};

/// Names an ordering by its function and its operation, so that edits elsewhere leave it valid.
pub struct Exempt {
    file: &'static str,
    function: &'static str,
    operation: &'static str,
    part: &'static str,
    why: &'static str,
}

const EXEMPT: [Exempt; 2] = [
    Exempt {
        file: "src/ring/mpsc/recover.rs",
        function: "mark",
        operation: "store",
        part: "release",
        why: "It keeps the loads before it, which read the last holder of the dead producer's seat, before the \
              stores of the next holder, which has found the mark. A load that sees the effect of a later store \
              is load buffering, which loom does not show.",
    },
    Exempt {
        file: "src/ring/mpsc/claim.rs",
        function: "is_resolved",
        operation: "load",
        part: "acquire",
        why: "It is the acquire side of the store in `mark`, which is exempt for the same reason.",
    },
];

/// The exempt orderings with the lines where they stand.
pub struct Resolved<'a>(Vec<(&'static Exempt, &'a Line)>);

/// Finds the line of each exempt ordering.
pub fn resolve(source: &[Line]) -> Result<Resolved<'_>, String> {
    let lines = EXEMPT.iter().map(|exempt| Ok((exempt, exempt.line(source)?)));
    lines.collect::<Result<_, String>>().map(Resolved)
}

impl Resolved<'_> {
    /// Why this ordering is exempt, if it is.
    pub fn argument(&self, ordering: &Ordering) -> Option<&'static str> {
        let is_it = |(exempt, line): &&(&'static Exempt, &Line)| {
            line.place() == ordering.place() && exempt.part == ordering.part()
        };
        self.0.iter().find(is_it).map(|(exempt, _)| exempt.why)
    }
}

impl Exempt {
    /// The one line of the source that holds this ordering.
    fn line<'a>(&self, source: &'a [Line]) -> Result<&'a Line, String> {
        let matches = |line: &&Line| {
            let has_it = line.operations.iter().any(|o| o.name == self.operation && o.has(self.part));
            line.file == self.file && line.function == self.function && has_it
        };
        let found: Vec<_> = source.iter().filter(matches).collect();
        let Self { file, function, operation, part, .. } = self;
        let [line] = found[..] else {
            return Err(format!(
                "exempt.rs: the {part} `{operation}` in `fn {function}` of {file} is {} lines of the source, not 1",
                found.len()
            ));
        };
        // The models name an ordering by its line and its part.
        match line.operations.iter().filter(|operation| operation.has(part)).count() {
            1 => Ok(line),
            several => Err(format!(
                "exempt.rs: the {part} `{operation}` at {file}:{} shares its line: {several} {part} operations stand \
                 there",
                line.line
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;

    const STORE: Exempt =
        Exempt { file: "src/a.rs", function: "mark", operation: "store", part: "release", why: "" };

    fn found(text: &str) -> Result<usize, String> {
        STORE.line(&source::lines("src/a.rs", text)).map(|line| line.line)
    }

    #[test]
    fn each_exempt_ordering_is_one_line_of_the_source() {
        let source = source::orderings().unwrap();
        assert!(
            source.len() > 20,
            "only {} lines with orderings: does this still read the source?",
            source.len()
        );
        let Resolved(lines) = resolve(&source).unwrap();
        assert_eq!(lines.len(), EXEMPT.len());
    }

    #[test]
    fn names_and_comments_around_an_exempt_ordering_do_not_matter() {
        let text = "fn mark(&self) {\n    a.store(b, Release);\n}\n";
        assert_eq!(found(text), Ok(2));
        let text = "// New.\n\npub(super) fn mark<T>(\n    &self,\n) -> T {\n    let old = a.load(Acquire);\n    \
                    if old {\n        // Release: E5.\n        other.word(1).store(old.plus(1), Release); // Here.\n    }\n}\n";
        assert_eq!(found(text), Ok(9));
    }

    #[test]
    fn an_exempt_ordering_that_is_gone_is_an_error() {
        let gone = "exempt.rs: the release `store` in `fn mark` of src/a.rs is 0 lines of the source, not 1";
        for text in [
            "fn other() {\n    a.store(b, Release);\n}\n",
            "fn mark() {\n    a.store(b, Relaxed);\n}\n",
            "fn mark() {\n    a.swap(b, Release);\n}\n",
            "fn mark() {\n    // a.store(b, Release);\n}\n",
            "fn mark() {}\n\nfn other() {\n    a.store(b, Release);\n}\n",
        ] {
            assert_eq!(found(text), Err(gone.into()), "{text}");
        }
        let elsewhere = source::lines("src/b.rs", "fn mark() {\n    a.store(b, Release);\n}\n");
        assert!(STORE.line(&elsewhere).is_err());
    }

    #[test]
    fn an_exempt_ordering_that_stands_twice_is_an_error() {
        let twice = "exempt.rs: the release `store` in `fn mark` of src/a.rs is 2 lines of the source, not 1";
        for text in [
            "fn mark() {\n    a.store(b, Release);\n    c.store(d, Release);\n}\n",
            "fn mark() {\n    a.store(b, Release);\n}\n\nfn mark() {\n    c.store(d, Release);\n}\n",
        ] {
            assert_eq!(found(text), Err(twice.into()), "{text}");
        }
        let shared =
            "exempt.rs: the release `store` at src/a.rs:2 shares its line: 2 release operations stand there";
        for text in [
            "fn mark() {\n    (a.store(b, Release), c.store(d, Release));\n}\n",
            "fn mark() {\n    a.store(c.swap(b, AcqRel), Release);\n}\n",
        ] {
            assert_eq!(found(text), Err(shared.into()), "{text}");
        }
    }

    #[test]
    fn an_argument_holds_for_one_part_of_one_line() {
        let source = source::lines("src/a.rs", "fn mark() {\n    a.store(b.load(Acquire), Release);\n}\n");
        let resolved = Resolved(vec![(&STORE, STORE.line(&source).unwrap())]);
        let argument = |name| resolved.argument(&Ordering::parse(name).unwrap());
        assert_eq!(argument("src/a.rs:2:7 release"), Some(""));
        assert_eq!(argument("src/a.rs:2:15 acquire"), None);
        assert_eq!(argument("src/a.rs:3:7 release"), None);
        assert_eq!(argument("src/b.rs:2:7 release"), None);
    }
}
