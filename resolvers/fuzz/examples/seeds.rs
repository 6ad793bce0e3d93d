//! Writes the documents of the fixtures to `corpus/<target>/`, where `cargo fuzz` starts from.

use std::path::Path;

use fuzz::documents::fixtures;
use fuzz::order::formats::FORMATS;

fn main() -> std::io::Result<()> {
    for format in FORMATS {
        let target = format.name.replace(|c: char| !c.is_alphanumeric(), "_");
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        for fixture in fixtures() {
            std::fs::write(corpus.join(&fixture.name), &fixture.text)?;
        }
    }
    Ok(())
}
