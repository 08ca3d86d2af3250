/** What is a secret and what only looks like one: names of keys, and texts. None of it opens anything. */

export const SECRET_KEYS = `
  password PASSWORD passWord password1 userPassword user_password new-password oldPassword passwordHash passwordSalt
  passwordConfirmation db.password PGPASSWORD MYSQL_PWD REDIS_PASSWORD_1 passwd htpasswd userPasswd pwd psw dbpwd pw
  PW userPw admin_pw dbpw pass PASS dbPass db_pass DB_PASS smtpPass ftp-pass userpass mysqlpass MYSQLPASS pass2
  passphrase passPhrase pass_phrase passcode passkey Passwort 
  secret SECRET clientSecret client_secret client.secret secretKey secret-id appSecret webhookSecret sharedSecret
  SECRET_KEY_BASE secretText secretValue jwtSecret totpSecret topSecret
  token accessToken access_token refreshToken refresh_tokens id-token sessionToken csrfToken X-Auth-Token authtoken
  bearerToken tokens apiTokens personalAccessToken X-Amz-Security-Token rememberToken tokenValue verify_token
  apiKey api_key api-key apikey APIKey API_KEY apiKeys apiKey2 X-API-Key appKey accessKey accessKeyId
  AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY accountKey AccountKey SharedAccessKey storageKey sshKey ssh_key rsaKey
  privateKey private_key privkey PRIV_KEY encryptionKey encKey decryptionKey aesKey hmacKey signingKey signKey
  signatureKey masterKey master_key licenseKey licenceKey serviceKey serviceRoleKey serverKey sessionKey deployKey
  subscriptionKey Ocp-Apim-Subscription-Key gpgKey pgpKey tlsKey sslKey walletKey recoveryKey backupKey openaiKey
  stripeKey githubKey OPENAI_API_KEY clientKey adminKey rootKey consumerKey kmsKey vaultKey webhookKey 
  auth Auth x-auth X-Auth basicAuth basic_auth httpAuth proxyAuth proxy-auth oauth authKey authCode auth_code
  authHeader authString authData Authorization authorization Proxy-Authorization authorizationCode npm_auth
  cookie cookies Cookie Set-Cookie sessionCookie cookieHeader connect.sid JSESSIONID PHPSESSID 
  credential credentials creds awsCreds aws_credentials X-Amz-Credential bearer jwt userJwt idJwt csrf xsrf
  X-CSRF X-XSRF-TOKEN
  sig signature X-Amz-Signature X-Hub-Signature requestSignature hmac sas sasToken sasUrl signedUrl presigned_url
  connectionString connection_string connStr DB_CONN_STRING ConnectionStrings dsn SENTRY_DSN DATABASE_URL databaseUrl
  mongoUri MONGODB_URI redisUrl amqpUrl webhookUrl 
  pin PIN pinCode pin_code cardPin userPin otp OTP totp otpCode mfaCode mfa_code 2faCode twoFactorCode
  verificationCode verification_code smsCode securityCode security_code backupCodes recoveryCodes recovery_code
  confirmationCode accessCode loginCode oneTimeCode deviceCode 
  cvv CVV cvv2 cvc cvc2 csc cardNumber card_number creditCard creditCardNumber ccNum ssn 
  securityAnswer
  mnemonic mnemonicPhrase seedPhrase seed_phrase seedWords recoveryPhrase xprv privatePem 
  githubPat GITLAB_PAT pat
`;

export const HARMLESS_KEYS = `
  key keys keyId keyName keyword keywords keyboard keyCode hotkey monkey turkey primaryKey foreignKey publicKey
  public_key sortKey partitionKey cacheKey idempotencyKey objectKey s3Key groupKey dataKey sortKeys
  secretary secretariat secretName secretArn secretsManager
  tokenizer tokenize tokenization tokenType token_type tokenCount token_count tokenLimit tokenUrl tokenEndpoint
  tokenAddress tokenSymbol tokenExpiresAt maxTokens max_tokens maxtokens maxOutputTokens max_new_tokens totalTokens
  promptTokens prompt_tokens completionTokens inputTokens outputTokens cachedTokens reasoning_tokens tokensUsed
  tokens_per_minute tokensRemaining numTokens nextToken nextPageToken pageToken continuationToken syncToken pad_token
  eosToken stopToken designTokens
  hasPassword has_password isPasswordSet requiresPassword showPassword usePassword passwordless passwordLength
  passwordPolicy passwordStrength passwordField passwordUpdatedAt passwordExpiry passwordRequired forgotPassword
  POSTGRES_PASSWORD_FILE
  passed passing passenger passengers passport passage passive passthrough passRate compass bypass trespass
  boardingPass firstPass
  author authors authority authored authenticated isAuthenticated authentic authType authMethod authProvider authUrl
  authorizationUrl authorized requiresAuth useAuth withCredentials
  cookieConsent cookiePolicy cookieName acceptCookies cookieless useCookies
  sign signIn signal design assign assigned signedAt signatureAlgorithm emailSignature
  pinned spin spinner pinterest gpioPin mapPin opinion mapPins
  credit credits creditLimit accredited incredible sacred certificate
  apiKeyName apiKeyId privateKeyPath sshKeyFile sslKeyPath credentialsFile credentialId webhookId webhookEvents
  connection connectionId session sessionId sessionName userId clientId accountId code codes statusCode countryCode
  zipCode errorCode card cards cardType seed salt hash nonce url baseUrl callbackUrl patch path pattern power
  stopwords tempo upward forward password_reset_required
`;

/** A text, and what of it must not be seen. */
export const SECRET_TEXTS: readonly [text: string, secret: string][] = [
  // Of telling keys, in JSON and in what is like it.
  ['{"password":"hunter2","user":"bob"}', "hunter2"],
  ['{"dbPass": "hunter2"}', "hunter2"],
  ['failed: {\\"password\\":\\"hunter2\\",\\"q\\":1}', "hunter2"],
  ['{\\\\\\"password\\\\\\":\\\\\\"hunter2 x\\\\\\"}', "hunter2"],
  ['{"password":"two words, and: more!"}', "more"],
  ['{"password":"say \\"hunter2\\" twice"}', "twice"],
  ["{'password': 'hunter2'}", "hunter2"],
  ["{password: 'it\\'s hunter2'}", "hunter2"],
  ["PASSWORD='it''s hunter2'", "hunter2"],
  ["password=`hunter 2`", "hunter 2"],
  ["password: “hunter 2”", "hunter 2"],
  ["password: «hunter 2»", "hunter 2"],
  ["&quot;password&quot;:&quot;hunter 2&quot;", "hunter 2"],
  ["&#34;password&#34;: &#34;hunter 2&#34;", "hunter 2"],
  ['password="correct horse; battery, staple!" user=bob', "staple"],
  ['password="never closed, hunter2', "hunter2"],
  ['"tokens":["abc","hunter2"]', "hunter2"],
  ['{"auth":{"user":"bob","pass":"hunter2"}}', "hunter2"],
  ["{ 'client_secret' => 'hunter2' }", "hunter2"],
  ["secret := hunter2", "hunter2"],
  ["password: | hunter2", "hunter2"],
  ["password = hunter2", "hunter2"],
  ["password==hunter2", "hunter2"],
  ['{"name": "DB_PASSWORD", "value": "hunter2"}', "hunter2"],
  ['{"name":"Authorization","value":"Bearer hunter2"}', "hunter2"],
  ["- name: API_KEY value: hunter2", "hunter2"],
  ['<add key="SmtpPassword" value="hunter2"/>', "hunter2"],
  ["<password>hunter2</password>", "hunter2"],
  ['<wsse:Password Type="PasswordText">hunter2</wsse:Password>', "hunter2"],
  ["<secret><![CDATA[hunter2]]></secret>", "hunter2"],
  ["API key: hunter2", "hunter2"],
  ["Incorrect API key provided: hunter2. You can find it", "hunter2"],
  ["access key: hunter2", "hunter2"],
  ["connection string: hunter2", "hunter2"],
  ["The password is hunter2.", "hunter2"],
  ['the token was "abcdef"', "abcdef"],
  ["CREATE USER bob WITH PASSWORD 'hunter 2'", "hunter 2"],
  ["CREATE USER bob IDENTIFIED BY 'hunter 2'", "hunter 2"],
  ["ALTER USER bob IDENTIFIED WITH mysql_native_password BY 'hunter2';", "hunter2"],
  ["SET PASSWORD = 'hunter 2'", "hunter 2"],
  ["cvv: 123, name: bob", "123"],
  ["mnemonic=legal winner", "legal"],
  // Without quotes, with signs in them.
  ["password=p@ss!w0rd#1%", "w0rd"],
  ["password=Tr0ub4dor&3", "&3"],
  ["password=a;b0c", "b0c"],
  ["password=hun'ter2", "ter2"],
  ['password=hun"ter2', "ter2"],
  ["password=(hunter2)", "hunter2"],
  // Environments and command lines.
  ["AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPx", "wJalr"],
  ["export DB_PASS=hunter2; run", "hunter2"],
  ["PGPASSWORD=hunter2 psql -h db", "hunter2"],
  ["run --token hunter2 --verbose", "hunter2"],
  ["run --password 'hunter 2' -v", "hunter 2"],
  ["run --api-key=hunter2", "hunter2"],
  ["connect -Password hunter2", "hunter2"],
  ["curl -u alice:hunter2 https://x.y", "hunter2"],
  ["curl -ualice:hunter2 https://x.y", "hunter2"],
  ["curl --user alice:hunter2 https://x.y", "hunter2"],
  ["curl --user=alice:hunter2 https://x.y", "hunter2"],
  ["curl --proxy-user alice:hunter2 https://x.y", "hunter2"],
  ["curl -U alice:hunter2 https://x.y", "hunter2"],
  ["curl -u 'alice:hunter 2' https://x.y", "hunter 2"],
  ['curl -u "alice:hunter;2 x" https://x.y', "2 x"],
  ["curl -H 'X-Api-Key: hunter2' https://x.y", "hunter2"],
  ["curl -H 'Authorization: Bearer hunter2'", "hunter2"],
  ["curl -b session_cookie=hunter2 https://x.y", "hunter2"],
  ["sshpass -p hunter2 ssh bob@host", "hunter2"],
  ["sshpass -p 'hunter 2' ssh bob@host", "hunter 2"],
  ["mysql -u root -phunter2 shop", "hunter2"],
  ["mysqldump -h db -p'hunter 2' shop", "hunter 2"],
  ["docker login -u bob -p hunter2 registry", "hunter2"],
  ["redis-cli -h db -a hunter2 ping", "hunter2"],
  ["openssl enc -pass pass:hunter2", "hunter2"],
  // Headers.
  ["Authorization: Bearer hunter2", "hunter2"],
  ["Authorization: Basic Ym9iOmh1bnRlcg==\nHost: x", "Ym9i"],
  ["authorization: token hunter2", "hunter2"],
  ['Authorization: Digest username="bob", response="hunter2"', "hunter2"],
  ["Proxy-Authorization: Basic Ym9iOmh1bnRlcg==", "Ym9i"],
  ["sent Bearer hunter2.abc-def to", "hunter2"],
  ["sent Basic Ym9iOmh1bnRlcg== to", "Ym9i"],
  ["sent Basic dXNlcjpwYXNz to", "dXNl"],
  ["X-Auth: Token hunter2", "hunter2"],
  ["Cookie: a=b; session=hunter2", "hunter2"],
  ["Set-Cookie: sid=hunter2; Path=/", "hunter2"],
  // URLs and connection strings.
  ["https://bob:hunter2@host/path", "hunter2"],
  ["https://hunter2@github.com/a/b", "hunter2"],
  ["redis://:hunter2@host:6379/0", "hunter2"],
  ["postgres://bob:p@hunter2@host/db", "hunter2"],
  ["postgres://bob:p/hunter2@host/db", "hunter2"],
  ["postgres://bob:p#hunter2?x@host/db", "hunter2"],
  ["mongodb+srv://bob:hunter2@a.b.net,c.d.net/db?retryWrites=true", "hunter2"],
  ["root:hunter2@tcp(127.0.0.1:3306)/shop", "hunter2"],
  ["jdbc:mysql://host/db?user=bob&password=hunter2", "hunter2"],
  ["https://h/?access_token=hunter2&page=2", "hunter2"],
  ["https://h/?key=hunter2&page=2", "hunter2"],
  ["https://h/?q=1&amp;key=hunter2", "hunter2"],
  ["https://h/blob?sv=2022&sig=hunter2%3D&se=2030", "hunter2"],
  ["https://h/x?X-Amz-Credential=abc%2F2024&X-Amz-Signature=hunter2", "hunter2"],
  ["https://h/x?appid=hunter2", "hunter2"],
  ["https://h/x?sign=hunter2&ts=1", "hunter2"],
  ["https://h/cb#access_token=hunter2&x=1", "hunter2"],
  ["https://h/?next=https%3A%2F%2Fg%3Ftoken%3Dhunter2", "hunter2"],
  ["otpauth://totp/x:bob?secret=HUNTER2&issuer=x", "HUNTER2"],
  ["DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2==;EndpointSuffix=x", "hunter2"],
  ["Endpoint=sb://h/;SharedAccessKeyName=Root;SharedAccessKey=hunter2=", "hunter2"],
  ["Server=db;Uid=sa;Pwd=hunter2;Database=x", "hunter2"],
  ['Server=db;Password="hunter;2 x";Database=x', "2 x"],
  ["host=db port=5432 user=bob password='hunter 2' dbname=x", "hunter 2"],
  ["https://hooks.slack.com/services/T000/B000/hunter2", "hunter2"],
  ["https://discord.com/api/webhooks/123456/hunter2", "hunter2"],
  ["https://x.webhook.office.com/webhookb2/hunter2@a/IncomingWebhook/b", "hunter2"],
  ["https://hooks.zapier.com/hooks/catch/123/hunter2/", "hunter2"],
  ["https://hook.eu1.make.com/hunter2", "hunter2"],
  ["https://maker.ifttt.com/trigger/door/with/key/hunter2", "hunter2"],
  ["400 https://api.telegram.org/bot123456:AAFmT0k3n/send", "AAFmT0k3n"],
  // Tokens that are known by their shape.
  ["with eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl please", "eyJzdWIi"],
  ["use sk-ant-api03-AAAABBBB please", "AAAABBBB"],
  ["use sk-proj-Ab12Cd34Ef56Gh78 please", "Ab12Cd34"],
  ["use sk-Ab12Cd34Ef56Gh78Ij90 please", "Ab12Cd34"],
  [`use sk_${"live"}_4eC39HqLyjWDarjtT1zdp7dc please`, "4eC39Hq"],
  [`use rk_${"test"}_4eC39HqLyjWDarjtT1zdp7dc please`, "4eC39Hq"],
  ["whsec_Ab12Cd34Ef56Gh78", "Ab12Cd34"],
  ["ghp_16C7e42F292c6912E7710c838347Ae", "16C7e42F"],
  ["gho_16C7e42F292c6912E7710c838347Ae", "16C7e42F"],
  ["(ghs_16C7e42F292c6912E7710c838347Ae)", "16C7e42F"],
  ["github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRs", "11ABCDEFG0"],
  ["glpat-Ab12Cd34Ef56Gh78Ij90", "Ab12Cd34"],
  [`xox${"b"}-123456789012-123456789012-Ab12Cd34`, "Ab12Cd34"],
  [`xox${"p"}-123456789012-Ab12Cd34`, "Ab12Cd34"],
  ["xapp-1-A0123-456-abcdef0123", "abcdef0123"],
  ["AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"],
  ["ASIAIOSFODNN7EXAMPLE", "IOSFODNN7"],
  ["AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", "SyA1b2C3"],
  ["ya29.a0AfH6SMBx-abc_def", "a0AfH6SMBx"],
  ["GOCSPX-Ab12Cd34Ef56Gh78", "Ab12Cd34"],
  ["npm_Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56Qr78", "Ab12Cd34"],
  ["pypi-AgEIcHlwaS5vcmcAb12", "IcHlwaS5"],
  ["hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh", "AbCdEfGh"],
  [`SG.Ab12Cd34Ef56Gh78Ij90Kl.Mn12Op34`, "Mn12Op34"],
  ["dop_v1_0123456789abcdef0123456789abcdef", "0123456789"],
  ["shpat_0123456789abcdef0123456789abcdef", "0123456789"],
  ["sq0atp-Ab12Cd34Ef56Gh78Ij90Kl", "Ab12Cd34"],
  ["key-0123456789abcdef0123456789abcdef", "0123456789"],
  ["dapi0123456789abcdef0123456789abcdef", "0123456789"],
  ["hvs.CAESIAb12Cd34Ef56Gh78Ij90Kl", "CAESIAb12"],
  ["lin_api_Ab12Cd34Ef56Gh78Ij90Kl", "Ab12Cd34"],
  ["gsk_Ab12Cd34Ef56Gh78Ij90Kl", "Ab12Cd34"],
  ["ATATT3xFfGF0Ab12Cd34", "xFfGF0Ab12"],
  ["$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "N9qo8uLO"],
  ["123456:AAFmT0k3nAb12Cd34Ef56Gh78", "AAFmT0k3n"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKC\nAb12\n-----END RSA PRIVATE KEY-----", "MIIEow"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNz\\n-----END OPENSSH PRIVATE KEY-----", "b3Blbn"],
  ["-----BEGIN PRIVATE KEY----- MIIEvQIBADAN cut", "MIIEvQ"],
  ["-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END PGP PRIVATE KEY BLOCK-----", "lQOYBF"],
];

/** Texts in which nothing is to hide. */
export const HARMLESS_TEXTS: readonly string[] = [
  "plain text, nothing to hide",
  "max_tokens=500, tokens: 12",
  "usage: prompt_tokens=12 completion_tokens=7 total_tokens=19",
  "https://host:8080/users/bob@example.com",
  "https://host/a?page=2&sort=name#part",
  "https://host/keys?limit=5&keyword=cats",
  "https://host/?country_code=US&code=US",
  "mail bob@example.com or mailto:bob@example.com",
  "git@github.com:owner/repo.git",
  "Unexpected token '<' in JSON at position 0",
  "Unexpected token < in JSON",
  "SyntaxError: Unexpected token: punc",
  "a well-known token is needed",
  "The token is expired",
  "password is required",
  "password: must have at least 8 characters",
  "password: required, name: too short",
  "key: value; path=/tmp",
  "password=",
  "token: ",
  "hasPassword: true, passwordless: false",
  "the secretary: Ada",
  "author: Ada, authors: 2",
  "tokenizer: cl100k, token_type: bearer",
  "Bearer token required",
  "Bearer authentication is needed",
  "Basic authentication failed",
  "use basic settings",
  "docker run -u 1000:1000 image",
  "docker run --user 1000:1000 image",
  "docker run -p 8080:80 image",
  "git push -u origin main",
  "curl -u https://example.com",
  "mkdir -p a/b && mysql -u root shop",
  "run --use-token --verbose",
  "run --token-type jwt --max-tokens 5",
  "run --no-password --verbose",
  "sk-learn and sk-SK are short",
  "task-1234567890abcdefghij is running",
  "risk-assessment-of-the-year-2024",
  "npm_config_cache and npm_lifecycle_event",
  "hf_hub_download failed",
  "npm_package_devDependencies_vitest",
  "pplx-70b-online answered",
  "-----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY----- MIIB -----END PUBLIC KEY-----",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI bob@host",
  "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
  "id 123e4567-e89b-12d3-a456-426614174000",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "at 12:30:45, 10:20@3",
  "nextPageToken=abc&pageToken=def",
  "SharedAccessKeyName=RootManage",
  "<key>name</key><passwordPolicy>strong</passwordPolicy>",
  '{"keyName":"a","tokenCount":"12","sessionId":"s1","userId":"ada"}',
  '{"name":"LOG_LEVEL","value":"debug"}',
  "cookie_consent=yes; cookiePolicy: strict",
  "https://example.com/webhooks/events",
  "https://api.github.com/repos/a/b/hooks/1",
  "compass: north, bypass=1, passed: 12",
  "pin the monkey, sign: here, design=flat",
  "3 passed, 1 failed",
  "INSERT INTO secrets_audit (id) VALUES (1)",
];
