//! Where batches are kept: the bucket of a deployed stage, or a folder of this machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use resolvers::order::{ErasedOrder, Id};

use super::Error;
use super::batch::Batch;
use crate::files;

/// Lambda's own prefix. Source: AWS Lambda developer guide, "Retain discarded records for a DynamoDB event source".
const PREFIX: &str = "aws/lambda/";

/// How often a batch is read anew because somebody else has written it in the meantime.
const ATTEMPTS: usize = 10;

/// The kept batches of a stage.
pub(super) enum Batches {
    /// The folder `given-up` of a data directory.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// With credentials and region.
        client: Client,
        /// Its name.
        name: String,
    },
}

/// What a batch was read as.
pub(super) enum Read {
    /// A batch, and what tells this version of it from another.
    Batch(Batch, Option<String>),
    /// It is no batch, for this reason.
    Unreadable(String),
    /// It is not there any more.
    Gone,
}

impl Batches {
    /// The names of all of them.
    pub(super) async fn list(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Folder(folder) => {
                let mut names = Vec::new();
                names_below(folder, folder, &mut names).map_err(|error| self.error(&error))?;
                names.sort();
                Ok(names)
            }
            Self::Bucket { client, name } => {
                let mut pages = client.list_objects_v2().bucket(name).prefix(PREFIX).into_paginator().send();
                let mut names = Vec::new();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| self.refused(&error))?;
                    names.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
                }
                Ok(names)
            }
        }
    }

    /// Reads one.
    pub(super) async fn read(&self, batch: &str) -> Result<Read, Error> {
        let (bytes, version) = match self {
            Self::Folder(folder) => match fs::read(folder.join(batch)) {
                Ok(bytes) => (bytes, None),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Read::Gone),
                Err(error) => return Err(self.error(&error)),
            },
            Self::Bucket { client, name } => {
                let got = match client.get_object().bucket(name).key(batch).send().await {
                    Ok(got) => got,
                    Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                        return Ok(Read::Gone);
                    }
                    Err(error) => return Err(self.refused(&error)),
                };
                let body = got.body.collect().await.map_err(|error| self.error(&error))?;
                (body.to_vec(), got.e_tag)
            }
        };
        Ok(match Batch::parse(&bytes) {
            Ok(batch) => Read::Batch(batch, version),
            Err(reason) => Read::Unreadable(reason),
        })
    }

    /// Removes one. It may be gone already.
    pub(super) async fn remove(&self, batch: &str) -> Result<(), Error> {
        match self {
            Self::Folder(folder) => match fs::remove_file(folder.join(batch)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(self.error(&error)),
                _ => Ok(()),
            },
            Self::Bucket { client, name } => {
                let removed = client.delete_object().bucket(name).key(batch).send().await;
                removed.map(drop).map_err(|error| self.refused(&error))
            }
        }
    }

    /// Leaves of these orders no more than what is left of them in the table. Returns in how many batches there was
    /// more, and what is no batch and so could not be looked into.
    pub(super) async fn erase(&self, orders: &BTreeMap<Id, ErasedOrder>) -> Result<(usize, Vec<String>), Error> {
        // Two that write the same file would undo each other's work; in S3, a write with a condition finds that out.
        let _lock = self.lock()?;
        let (mut erased, mut unreadable) = (0, Vec::new());
        for batch in self.list().await? {
            match self.erase_from(&batch, orders).await? {
                Some(from) => erased += usize::from(from),
                None => unreadable.push(batch),
            }
        }
        Ok((erased, unreadable))
    }

    /// Whether there was more of these orders in it; `None` if it is no batch.
    async fn erase_from(&self, name: &str, orders: &BTreeMap<Id, ErasedOrder>) -> Result<Option<bool>, Error> {
        for _ in 0..ATTEMPTS {
            let (mut batch, version) = match self.read(name).await? {
                Read::Batch(batch, version) => (batch, version),
                Read::Unreadable(_) => return Ok(None),
                Read::Gone => return Ok(Some(false)),
            };
            if !batch.erase(orders).map_err(|error| self.error(&error))? {
                return Ok(Some(false));
            }
            let bytes = batch.to_bytes().map_err(|error| self.error(&error))?;
            if self.rewrite(name, bytes, version).await? {
                return Ok(Some(true));
            }
        }
        Err(self.error(&format!("{name} is written by somebody else all the time")))
    }

    /// Writes a batch in place of the version that was read. Whether it was still that version.
    async fn rewrite(&self, batch: &str, bytes: Vec<u8>, version: Option<String>) -> Result<bool, Error> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(batch);
                files::replace(&path, &bytes).map_err(|error| self.error(&error))?;
                Ok(true)
            }
            Self::Bucket { client, name } => {
                let put = client.put_object().bucket(name).key(batch).set_if_match(version);
                match put.content_type("application/json").body(bytes.into()).send().await {
                    Ok(_) => Ok(true),
                    // Written or removed since it was read.
                    Err(error) if matches!(status(&error), Some(404 | 409 | 412)) => Ok(false),
                    Err(error) => Err(self.refused(&error)),
                }
            }
        }
    }

    fn lock(&self) -> Result<Option<File>, Error> {
        let Self::Folder(folder) = self else { return Ok(None) };
        let lock = || {
            let file = File::create(folder.with_file_name("erase.lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map(Some).map_err(|error: std::io::Error| self.error(&error))
    }

    fn error(&self, reason: &impl ToString) -> Error {
        let place = match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Bucket { name, .. } => format!("the bucket {name}"),
        };
        Error::Batches { place, reason: reason.to_string() }
    }

    fn refused<E: ProvideErrorMetadata + std::error::Error + 'static, R: std::fmt::Debug>(
        &self,
        error: &SdkError<E, R>,
    ) -> Error {
        self.error(&super::output::told(error))
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    Some(error.raw_response()?.status().as_u16())
}

/// The files below a folder, by their ways from `root`. One that is being written begins with a dot.
fn names_below(root: &Path, folder: &Path, names: &mut Vec<String>) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() {
            names_below(root, &path, names)?;
        } else if !hidden && let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            names.push(name.to_owned());
        }
    }
    Ok(())
}
