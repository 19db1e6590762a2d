//! How many file descriptors there are, and how many of them strangers may take.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The most connections by default.
const MOST: usize = 512;

/// Raises the soft limit of descriptors to the hard one. The soft one is 1024 for `select` alone, which nothing here uses.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "failed to raise the soft limit of file descriptors");
    }
}

/// Half of the descriptors, so that the other half is left to probes.
pub(super) fn max_connections() -> usize {
    half_of(getrlimit(Resource::Nofile).current)
}

fn half_of(descriptors: Option<u64>) -> usize {
    let half = descriptors.and_then(|all| usize::try_from(all / 2).ok()).unwrap_or(MOST);
    half.clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_keep_half_of_the_descriptors() {
        for (descriptors, expected) in
            [(None, 512), (Some(1 << 20), 512), (Some(1024), 512), (Some(256), 128), (Some(1), 1)]
        {
            assert_eq!(half_of(descriptors), expected, "{descriptors:?}");
        }
    }
}
