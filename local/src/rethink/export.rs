//! A full export of a DynamoDB table to S3, as it lies on disk after a download.
//!
//! Source of the layout: Amazon DynamoDB developer guide, "DynamoDB table export output format". The checksums of the
//! manifests are documented as `manifest-….checksum`; what AWS writes is called `manifest-….md5`. Either is checked if
//! it is there: the MD5 of the file in base64.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::Error;

const SUMMARY: &str = "manifest-summary";
const FILES: &str = "manifest-files";

/// An export whose manifests are in order.
#[derive(Debug)]
pub(super) struct Export {
    /// Which one it is.
    pub(super) arn: String,
    /// The table that was exported.
    pub(super) table_arn: String,
    /// How many items there are to be.
    pub(super) items: u64,
    /// Where they are.
    pub(super) files: Vec<DataFile>,
}

/// One of an export's data files.
#[derive(Debug)]
pub(super) struct DataFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How many items it has.
    pub(super) items: u64,
    /// The MD5 of the file, in base64.
    pub(super) md5: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    export_arn: String,
    table_arn: String,
    item_count: u64,
    output_format: String,
    /// Not there in manifests from before there were incremental exports.
    export_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    item_count: u64,
    md5_checksum: String,
    data_file_s3_key: String,
}

impl Export {
    /// The export in a directory, or in the only one below it that has a manifest.
    pub(super) fn find(directory: &Path) -> Result<Self, Error> {
        let found = manifests(directory)?;
        match found.as_slice() {
            [one] => Self::read(one),
            [] if directory.join("_started").exists() => {
                Err(Error::refused(directory, "this export has not finished: there is no manifest-summary.json yet"))
            }
            [] => Err(Error::refused(
                directory,
                "there is no manifest-summary.json: name the directory of an export, AWSDynamoDB/<export id>, as it was downloaded from S3",
            )),
            several => {
                let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
                Err(Error::refused(directory, format!("holds several exports, name one of them: {}", names.join(", "))))
            }
        }
    }

    fn read(directory: &Path) -> Result<Self, Error> {
        let (path, text) = manifest(directory, SUMMARY)?;
        let summary: Summary = serde_json::from_str(&text)
            .map_err(|error| Error::damaged(&path, None, format!("is no manifest of an export: {error}")))?;
        if let Some(kind) = summary.export_type.filter(|kind| kind != "FULL_EXPORT") {
            return Err(Error::refused(
                &path,
                format!("is of an export of the type {kind}, which has only what changed: take a full export"),
            ));
        }
        if summary.output_format != "DYNAMODB_JSON" {
            return Err(Error::refused(
                &path,
                format!("is of an export in the format {}: take one with DYNAMODB_JSON", summary.output_format),
            ));
        }
        let files = files(directory)?;
        let items: u64 = files.iter().map(|file| file.items).sum();
        if items != summary.item_count {
            let what = format!("tells of {} items, but {FILES}.json of {items}", summary.item_count);
            return Err(Error::damaged(&path, None, what));
        }
        Ok(Self { arn: summary.export_arn, table_arn: summary.table_arn, items, files })
    }
}

fn files(directory: &Path) -> Result<Vec<DataFile>, Error> {
    let (path, text) = manifest(directory, FILES)?;
    let mut files: Vec<DataFile> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let file: File = serde_json::from_str(line)
            .map_err(|error| Error::damaged(&path, Some(number), format!("tells of no data file: {error}")))?;
        // Only the last part of the key is kept by a download; it names a file of this export and nothing elsewhere.
        let name = file.data_file_s3_key.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name.starts_with('.') || name.contains('\\') {
            return Err(Error::damaged(&path, Some(number), "has a dataFileS3Key that names no file"));
        }
        let data = directory.join("data").join(name);
        if files.iter().any(|known| known.path == data) {
            return Err(Error::damaged(&path, Some(number), format!("tells of {name} a second time")));
        }
        files.push(DataFile { path: data, items: file.item_count, md5: file.md5_checksum });
    }
    Ok(files)
}

/// A manifest, and where it is, if it agrees with its checksum.
fn manifest(directory: &Path, name: &str) -> Result<(PathBuf, String), Error> {
    let path = directory.join(format!("{name}.json"));
    let content = fs::read(&path).map_err(Error::read(&path))?;
    for ending in ["md5", "checksum"] {
        match fs::read_to_string(directory.join(format!("{name}.{ending}"))) {
            Ok(expected) if expected.trim() != STANDARD.encode(Md5::digest(&content)) => {
                let what = format!("does not agree with {name}.{ending}: download the export again");
                return Err(Error::damaged(&path, None, what));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::read(&directory.join(format!("{name}.{ending}")))(error)),
        }
    }
    let text = String::from_utf8(content).map_err(|_| Error::damaged(&path, None, "is not UTF-8"))?;
    Ok((path, text))
}

/// The directories with a manifest: this one, or else those in it or in its `AWSDynamoDB`.
fn manifests(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let has_manifest = |path: &Path| path.join(format!("{SUMMARY}.json")).exists();
    if has_manifest(directory) {
        return Ok(vec![directory.to_owned()]);
    }
    let mut found = Vec::new();
    for above in [directory.to_owned(), directory.join("AWSDynamoDB")] {
        let entries = match fs::read_dir(&above) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && above != directory => continue,
            entries => entries.map_err(Error::read(&above))?,
        };
        for entry in entries {
            let path = entry.map_err(Error::read(&above))?.path();
            if has_manifest(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
