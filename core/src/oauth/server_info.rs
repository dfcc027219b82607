//! The data centers that the accounts server lists, for one that this version does not know.
//!
//! Source: Zoho OAuth 2.0, "Multi-DC support": `GET https://accounts.zoho.com/oauth/serverinfo` responds with
//! `{"result":"success","locations":{"us":"https://accounts.zoho.com",...}}`, without China.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::Config;
use crate::endpoint::{BaseUrl, DATA_CENTERS};
use crate::error::{Error, ErrorKind};
use crate::http::{Http, Network, Proxies, Response};
use crate::json::from_object;
use crate::retry::Deadline;

/// A data center, and the base URL of its accounts server.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// `us`, `eu`, ...
    pub name: String,
    /// For the setting `accounts_url`, if `data_center` does not take the name.
    pub accounts_url: BaseUrl,
}

#[derive(Deserialize)]
struct ServerInfo {
    locations: BTreeMap<String, String>,
}

/// Asks the accounts server of the United States, or that of the setting `accounts_url`, for all data centers. Nothing secret
/// is sent. Blocks for at most `timeout_ms`; nothing is retried.
///
/// Fails with network errors, and with `ZMD_ERR_BAD_RESPONSE` for another response.
pub fn list_data_centers(config: &Config) -> Result<Vec<Location>, Error> {
    let accounts = config.accounts_url.clone().unwrap_or_else(|| DATA_CENTERS[0].accounts_url());
    let accounts = Proxies::new(config)?.route(accounts);
    let http = Http::new(&Network::new(config)?);
    let url = format!("{}/oauth/serverinfo", accounts.base);
    let response =
        http.get_public(&accounts, &url, Deadline::after(config.timeout)).map_err(|failure| failure.error)?;
    read(&response, &accounts.base)
}

fn read(response: &Response, accounts: &BaseUrl) -> Result<Vec<Location>, Error> {
    let info = from_object::<ServerInfo>(response.json()).ok().filter(|_| response.status == 200);
    let locations = info.map(|info| info.locations).into_iter().flatten().filter_map(|(name, url)| {
        let is_name = (1..=8).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
        let accounts_url = BaseUrl::parse(&url).filter(|url| url.is_https() || accounts.is_loopback())?;
        is_name.then(|| Location { name: name.to_ascii_lowercase(), accounts_url })
    });
    let locations: Vec<_> = locations.collect();
    if locations.is_empty() {
        let message = format!("{accounts} lists no data centers (HTTP {})", response.status);
        return Err(Error::new(ErrorKind::BadResponse, message).with_http_status(response.status));
    }
    Ok(locations)
}

#[cfg(test)]
mod tests {
    use zmd_sim::Sim;

    use super::*;

    #[test]
    fn the_list_of_the_accounts_server() {
        let sim = Sim::start();
        let mut config = Config::new();
        config.set("accounts_url", &sim.url()).unwrap();
        let locations = list_data_centers(&config).unwrap();
        let names: Vec<_> = locations.iter().map(|location| &*location.name).collect();
        assert_eq!(names, ["ae", "au", "ca", "eu", "in", "jp", "sa", "sg", "uk", "us"]);
        assert_eq!(locations[2].accounts_url.to_string(), "https://accounts.zohocloud.ca");
        assert_eq!(sim.last_request().unwrap().header("Authorization"), None);
    }

    #[test]
    fn another_response_is_no_list() {
        let accounts = DATA_CENTERS[0].accounts_url();
        let list = |status, body: &str| {
            let response = Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
            read(&response, &accounts)
        };
        let good =
            r#"{"result":"success","locations":{"XY":"https://accounts.zoho.xy","a b":"https://x","zz":"http://x"}}"#;
        let found = list(200, good).unwrap();
        assert_eq!((found.len(), &*found[0].name), (1, "xy"));
        for (status, body) in [(404, good), (200, "<html>"), (200, "{}"), (200, r#"{"locations":{}}"#)] {
            assert_eq!(list(status, body).unwrap_err().kind(), ErrorKind::BadResponse, "{body}");
        }
    }
}
