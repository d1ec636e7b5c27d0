-- What a page sends when a new visitor comes from an advertisement; run by wrk. Each request has another click id.
local number = 0

request = function()
  number = number + 1
  local body = string.format(
    '{"key":"bench","landing":"https://company.example/pumps?utm_source=yandex&utm_medium=cpc&utm_campaign=c%d&yclid=%d%09d",'
      .. '"page":"https://company.example/contacts","referrer":"https://yandex.ru/","addresses":["info@company.example"],'
      .. '"client":{"ga":"1166061800.%d"}}',
    number % 500, 1 + number % 9, number, number
  )
  return wrk.format("POST", "/v1/visit", {
    ["Content-Type"] = "text/plain", ["Origin"] = "https://company.example",
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  }, body)
end
