FROM mcr.microsoft.com/dotnet/framework/wcf:4.8-windowsservercore-ltsc2022
COPY Legacy/ C:/inetpub/wwwroot/
