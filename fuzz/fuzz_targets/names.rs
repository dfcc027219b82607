//! Modules, job ids, base URLs and versions: what is accepted cannot leave its place in a request.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zmd_core::{ApiVersion, BaseUrl, JobId, ModuleName};
use zmd_fuzz::check;

fuzz_target!(|text: &str| {
    match ModuleName::parse(text) {
        Ok(module) => assert!(module.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')),
        Err(error) => check(&error),
    }
    match JobId::parse(text) {
        Ok(job_id) => {
            assert!((1..=64).contains(&job_id.as_str().len()));
            assert!(job_id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        }
        Err(error) => check(&error),
    }
    if let Some(url) = BaseUrl::parse(text) {
        assert!(url.is_https() || url.is_loopback(), "{url}");
        let version = ApiVersion::parse("v7").unwrap();
        let requested = url.job_status(&version, &ModuleName::parse("Leads").unwrap(), &JobId::parse("1").unwrap());
        assert!(requested.ends_with("/crm/v7/Leads/actions/mass_delete?job_id=1"), "{requested}");
        assert_eq!(requested.matches('?').count(), 1);
    }
});
